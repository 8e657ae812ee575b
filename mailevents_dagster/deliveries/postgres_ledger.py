"""The outbox in PostgreSQL: one ledger for all machines. Who delivers to a destination holds a lock of a session."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mailevents_dagster.deliveries.ledger import Rows, Statements
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.postgres_locks import PostgresLocks, locks_in

if TYPE_CHECKING:
    from psycopg import Connection

T = TypeVar("T")
LOCKS_OF: Final = "outbox"


class PostgresLedger:
    """Where the ledger of several machines is. A database that is away is waited for."""

    is_there = True

    def __init__(self, database: Database) -> None:
        self._database = database
        self._held: set[str] = set()

    def run(self, work: Callable[[Statements], T]) -> T:
        def whole() -> T:
            with self._database.transaction() as connection:
                return work(_Marked(connection))

        return self._database.patiently(whole)

    @contextmanager
    def holding(self, name: str, when_held: Callable[[], object]) -> Iterator[None]:
        with self._locks.holding(_digest(name), when_held):
            self._held.add(name)
            try:
                yield
            finally:
                self._held.remove(name)

    def has(self, name: str) -> bool:
        """Return whether what this process holds is still its own: the database may have been started anew."""
        return name not in self._held or self._locks.has(_digest(name))

    @property
    def _locks(self) -> PostgresLocks:
        return locks_in(self._database, LOCKS_OF)


def _digest(name: str) -> str:
    """Return what a lock is called where it may be told: names of destinations hold addresses."""
    return hashlib.sha256(name.encode()).hexdigest()[:16]


class _Marked:
    """A transaction whose statements mark their values with `?`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows:
        return self._connection.execute(statement.replace("?", "%s"), values)

    def executemany(self, statement: str, values: Iterable[Sequence[Any]], /) -> Rows:
        cursor = self._connection.cursor()
        cursor.executemany(statement.replace("?", "%s"), values)
        return cursor
