"""Writes what was decided, and never over anything: what is there and says something else is told and left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from dotenv import dotenv_values
from upath import UPath

from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.locks import holding
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.migration.sections import env_line
from mailevents_dagster.sources.uzmanposta.migration.texts import NewAccount
from mailevents_dagster.store.cursor_file import read_cursor, write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.description import describe
from mailevents_dagster.store.store import Store

OWN_EYES: int = 0o600


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

    path: str
    done: Done
    said: str = ""


def write_settings(path: Path, text: str, *, dry: bool) -> Outcome:
    """The settings file, where there is none."""
    if path.exists():
        same = path.read_bytes() == text.encode()
        return Outcome(str(path), Done.THERE if same else Done.LEFT)
    if not dry:
        with publish(UPath(path)) as file:
            file.write(text.encode())
    return Outcome(str(path), Done.WRITTEN)


def write_env(path: Path, accounts: Sequence[NewAccount], *, dry: bool) -> Outcome:
    """The variables that are not there yet, each behind those that are."""
    path = path.resolve()  # it may be a link, which is to stay one
    there = path.read_bytes() if path.exists() else b""
    known = dotenv_values(path) if there else {}
    missing = [account for account in accounts if account.variable not in known]
    other = [account.variable for account in accounts if known.get(account.variable, account.key) != account.key]
    said = f"{', '.join(other)}: another value than in the INI, left as it is" if other else ""
    if not missing:
        return Outcome(str(path), Done.LEFT if other else Done.THERE, said)
    if not dry:
        if there and not there.endswith(b"\n"):
            there += b"\n"
        with publish(UPath(path)) as file:  # which nobody else may read
            file.write(there + "".join(env_line(one.variable, one.key) for one in missing).encode())
    return Outcome(str(path), Done.APPENDED if there else Done.WRITTEN, said)


def write_cursors(store: Store, firsts: Mapping[Feed, int], *, dry: bool) -> list[Outcome]:
    """The first hour of each feed, where the feed has no cursor yet."""
    if firsts and not dry:
        describe(store.layout, store.timezone)
    return [_write_cursor(store, feed, first, dry=dry) for feed, first in firsts.items()]


def _write_cursor(store: Store, feed: Feed, first: int, *, dry: bool) -> Outcome:
    path = store.layout.cursor(feed)
    if dry:
        return _judged(store, feed, first) or Outcome(str(path), Done.WRITTEN)
    with store.writing(feed), holding(store.layout.cursor_lock(feed)):
        if judged := _judged(store, feed, first):
            return judged
        write_cursor(path, Cursor(first=first), store.timezone)
    return Outcome(str(path), Done.WRITTEN)


def _judged(store: Store, feed: Feed, first: int) -> Outcome | None:
    """What to say of a cursor that is there; None where there is none."""
    path = store.layout.cursor(feed)
    try:
        cursor = read_cursor(path)
    except DamagedError as error:
        return Outcome(str(path), Done.LEFT, str(error))
    if cursor is None:
        there = store.readable_cursor(feed) is None
        said = "lost, while hours of the feed are there; `mailevents status --rebuild-cursors` makes it anew"
        return Outcome(str(path), Done.LEFT, said) if there else None
    if cursor.first == first:
        return Outcome(str(path), Done.THERE)
    begins = f"begins at {Hour(cursor.first, store.timezone)}" if cursor.first else "begins with its account"
    return Outcome(str(path), Done.LEFT, f"{feed} {begins}, not at {Hour(first, store.timezone)}")
