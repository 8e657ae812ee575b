"""Where numbers are that processes share, with locks: in files of their machine, or in a database."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.locks import FileLocks, WhenHeld
from mailevents_dagster.sharing.numbers import FileNumbers, Numbers
from mailevents_dagster.sharing.postgres_locks import locks_in
from mailevents_dagster.sharing.postgres_numbers import PostgresNumbers


@dataclass(frozen=True, slots=True)
class Row:
    """The row of a name, for all machines that share the database."""

    database: Database
    name: str


Place = Path | Row


def place_of(name: str, file: Path, postgres: str | None) -> Place:
    """Return the row of a name where the settings name a database, which is shared by all machines; else the file."""
    return Row(Database(postgres), name) if postgres else file


def numbers_at(place: Place | None, count: int, sleep: Callable[[float], object] = time.sleep) -> Numbers:
    """Return the numbers of a file or row; without a place they are this object's own.

    `sleep` waits for a database that is away, and may raise.
    """
    if isinstance(place, Row):
        return PostgresNumbers(place.database, place.name, count, sleep)
    return FileNumbers(place, count)


def holding_at(place: Place, name: str, when_held: WhenHeld) -> AbstractContextManager[None]:
    """Hold a lock of those who share the numbers of a place."""
    if isinstance(place, Row):
        return locks_in(place.database, place.name).holding(name, when_held)
    return FileLocks(place.parent).holding(f"{place.stem}.{name}", when_held)
