"""The log of an hour: its events as lines of JSON, oldest first. Derived from the snapshot, kept current in place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from upath import UPath

from mailevents_dagster.events import Event
from mailevents_dagster.store.atomic import append, local, mode_of, publish, set_mode


class Change(StrEnum):
    """What bringing a log up to date did to the file."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    APPENDED = "appended"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Written:
    """A log file as it is now."""

    change: Change
    bytes: int
    sha256: str


def bring_up_to_date(path: UPath, events: Sequence[Event]) -> Written:
    """Makes the file say just these events: touched only if it must be, appended to where what is there may stay.

    A shipper that tails the file keeps its place in it through an append; a replaced file it reads anew, and may: it
    is as readable as the one before.
    """
    here = local(path)
    digest = hashlib.sha256()
    size = 0
    for event in events:
        digest.update(event.raw)
        digest.update(b"\n")
        size += len(event.raw) + 1
    if not path.exists():
        change = Change.CREATED
    elif (rest := _missing_rest(path, events)) == b"":
        change = Change.UNCHANGED
    elif rest and here:
        change = Change.APPENDED
        append(here, rest)
    else:
        change = Change.REPLACED
    if change in (Change.CREATED, Change.REPLACED):
        with publish(path, mode_of(here) if here and change is Change.REPLACED else None) as file:
            file.writelines(event.raw + b"\n" for event in events)
    return Written(change, size, digest.hexdigest())


def make_readable(log: Path, mode: int, top: Path) -> None:
    """Gives a log this mode, and lets whoever may read it pass the folders it lies in, from `top` on."""
    set_mode(log, mode)
    for folder in log.parents:
        if folder.is_relative_to(top):
            set_mode(folder, mode | (mode & 0o444) >> 2)  # who reads a folder passes it, too


def says(path: UPath, events: Sequence[Event]) -> bool:
    """Whether the file holds these events, or the beginning of them, as a killed process may have left it."""
    return path.exists() and _missing_rest(path, events) is not None


def _missing_rest(path: UPath, events: Sequence[Event]) -> bytes | None:
    """What the file lacks of these events at its end; None where it says something else."""
    rest: list[bytes] = []
    with path.open("rb") as file:
        for event in events:
            line = event.raw + b"\n"
            there = b"" if rest else file.read(len(line))
            if not line.startswith(there):
                return None
            if len(there) < len(line):
                rest.append(line[len(there) :])
        if file.read(1):
            return None
    return b"".join(rest)
