"""One session of a process in PostgreSQL, on which all its advisory locks hang. It is made anew where it ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString

from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.database_errors import DatabaseError

if TYPE_CHECKING:
    from psycopg import Connection

NAME: Final = "mailevents locks"
TAKE: Final = "SELECT key, pg_try_advisory_lock(key) FROM unnest(%s::bigint[]) AS key"

logger = logging.getLogger(__name__)


class Session:
    """Advisory locks that this process has, by their keys. Threads may use it at once; they take turns."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = threading.RLock()
        self._connection: Connection | None = None
        self._has: dict[int, str] = {}
        """The locks that are taken, with their names; taken again in each new session."""
        self._is_over = threading.Event()

    def take(self, key: int, name: str) -> bool:
        """Take a lock unless another session has it; return whether it was taken."""
        with self._turn:
            [(_, is_taken)] = self.rows(TAKE, [[key]])
            if is_taken:
                self._has[key] = name
            return bool(is_taken)

    def has(self, key: int) -> bool:
        return key in self._has

    def give_back(self, key: int) -> None:
        """Give a lock back; where the session has ended meanwhile there is nothing to give back."""
        from psycopg import OperationalError

        with self._turn:
            if not self._has.pop(key, None) or not self._connection:
                return
            try:
                self._connection.execute("SELECT pg_advisory_unlock(%s)", [key])
            except OperationalError:
                self._connection.close()

    def rows(self, statement: LiteralString, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that may be tried again: where the session has ended, in a new one."""

        def tried() -> list[tuple[Any, ...]]:
            with self._database.told():
                found = self._open().execute(statement, values)
                return found.fetchall() if found.description else []

        with self._turn:
            return self._database.patiently(tried, self._is_over.wait)

    def close(self) -> None:
        """Give all locks back for good; whoever waits for a database that is away does so no longer."""
        self._is_over.set()
        with self._turn:
            self._has.clear()
            if self._connection:
                self._connection.close()

    def _open(self) -> Connection:
        """Return the connection; a new one has the locks of the one before."""
        if self._is_over.is_set():
            raise DatabaseError("The locks of this process were given back, since it ends.")
        if self._connection and not self._connection.closed:
            return self._connection
        if self._connection and self._has:
            logger.warning(
                f"The session in PostgreSQL ended, and with it this process's locks ({len(self._has)}). They are "
                f"taken again in a new one."
            )
        self._connection = None
        new = self._database.connected(NAME)
        try:
            taken = new.execute(TAKE, [[*self._has]]).fetchall()
        except BaseException:
            new.close()
            raise
        self._connection = new
        for name in [self._has.pop(key) for key, is_taken in taken if not is_taken]:
            logger.warning(
                f"{name}: another process has had the lock since the session ended. What this one writes now stands "
                f"only where the other has written nothing."
            )
        return new
