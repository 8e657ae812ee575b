"""Where numbers are that processes share: in a file of their machine, or in a row of a database."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.numbers import FileNumbers, Numbers
from mailevents_dagster.sharing.postgres_numbers import PostgresNumbers


@dataclass(frozen=True, slots=True)
class Row:
    """The row of a name, for all machines that share the database."""

    database: Database
    name: str


Place = Path | Row


def numbers_at(place: Place | None, count: int, sleep: Callable[[float], object] = time.sleep) -> Numbers:
    """Return the numbers of a file or row; without a place they are this object's own.

    `sleep` waits for a database that is away, and may raise.
    """
    if isinstance(place, Row):
        return PostgresNumbers(place.database, place.name, count, sleep)
    return FileNumbers(place, count)
