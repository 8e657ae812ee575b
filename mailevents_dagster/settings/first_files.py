"""The first settings of a project, made from those of another tool. What is there and differs is left alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from zoneinfo import ZoneInfo

from dotenv import dotenv_values

from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.stored_path import StoredPath


class Done(StrEnum):
    """What became of a file."""

    WRITTEN = "written"
    APPENDED = "appended to"
    THERE = "there already, and says the same"
    LEFT = "there already, and says something else: left alone"

    @property
    def changed(self) -> bool:
        return self in (Done.WRITTEN, Done.APPENDED)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One file, and what became of it."""

    path: StoredPath
    done: Done
    note: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.done}" + (f" ({self.note})" if self.note else "")


def write_file(path: Path, content: bytes, *, dry: bool) -> Outcome:
    """Write a file that only this user may read, unless it is there."""
    if path.exists():
        return Outcome(path, Done.THERE if path.read_bytes() == content else Done.LEFT)
    if not dry:
        with publish(path) as file:
            file.write(content)
    return Outcome(path, Done.WRITTEN)


def write_env(path: Path, values: Mapping[str, str], old: str, *, dry: bool) -> Outcome:
    """Add the variables that are not there yet behind those that are; `old` is the file that they come from."""
    path = path.resolve()  # it may be a link, which is to stay one
    there = path.read_bytes() if path.exists() else b""
    known = dotenv_values(path) if there else {}
    missing = {name: value for name, value in values.items() if name not in known}
    other = [name for name, value in values.items() if known.get(name, value) != value]
    note = f"{', '.join(other)}: another value than in {old}, left as it is" if other else ""
    if not missing:
        return Outcome(path, Done.LEFT if other else Done.THERE, note)
    if not dry:
        if there and not there.endswith(b"\n"):
            there += b"\n"
        with publish(path) as file:  # which nobody else may read
            file.write(there + "".join(env_line(name, value) for name, value in missing.items()).encode())
    return Outcome(path, Done.APPENDED if there else Done.WRITTEN, note)


def env_line(variable: str, value: str) -> str:
    """Return the line of an .env file that gives the variable this value."""
    return f"{variable}='" + value.replace("\\", "\\\\").replace("'", "\\'") + "'\n"


def written_start(start: int, timezone: str) -> str:
    """Return an hour as settings take it; with its offset where the clock shows it twice."""
    local = datetime.fromtimestamp(start, ZoneInfo(timezone))
    return local.isoformat(timespec="minutes") if local.fold else local.strftime("%Y-%m-%dT%H:%M")
