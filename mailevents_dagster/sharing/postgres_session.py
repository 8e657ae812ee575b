"""One session of a process in PostgreSQL, on which all its advisory locks hang. It is made anew where it ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, LiteralString

from mailevents_dagster.sharing.database_errors import DatabaseError

if TYPE_CHECKING:
    from psycopg import Connection

CONNECT_WITHIN: Final = 10
"""Seconds for one try to connect."""
PAUSE: Final = 0.5
"""Seconds between two tries to connect."""
THERE_WITHIN: Final = 10.0
BACK_WITHIN: Final = 120.0
"""Seconds for which a database is waited for that was not there yet, and for one that was and went away."""
TRIES: Final = 5
"""Of a statement whose session ends each time."""
UNHEARD_MILLISECONDS: Final = 40_000
ON_THE_SERVER: Final = """
    SELECT set_config('tcp_keepalives_idle', '20', false), set_config('tcp_keepalives_interval', '10', false),
           set_config('tcp_keepalives_count', '3', false), set_config('statement_timeout', '30s', false)
"""
"""So the server ends the session, and with it the locks, 50 seconds after a host is gone."""
TAKE: Final = "SELECT key, pg_try_advisory_lock(key) FROM unnest(%s::bigint[]) AS key"

logger = logging.getLogger(__name__)


class Session:
    """Advisory locks that this process has, by their keys. Threads may use it at once; they take turns."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._turn = threading.RLock()
        self._connection: Connection | None = None
        self._has: dict[int, str] = {}
        """The locks that are taken, with their names; taken again in each new session."""
        self._patience = THERE_WITHIN

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
                self._end()

    def rows(self, statement: LiteralString, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that may be tried again: where the session has ended, in a new one."""
        from psycopg import Error, OperationalError

        with self._turn:
            for _ in range(TRIES):
                try:
                    found = self._open().execute(statement, values)
                    return found.fetchall() if found.description else []
                except OperationalError as error:
                    if self._connection and not self._connection.broken:
                        raise _refused(self._url, error) from None
                    self._end()
                except Error as error:
                    raise _refused(self._url, error) from None
        raise DatabaseError(f"{place_of(self._url)} ended {TRIES} sessions one after the other. Its log says why.")

    def close(self) -> None:
        """Give all locks back."""
        with self._turn:
            self._has.clear()
            if self._connection:
                self._connection.close()
                self._connection = None

    def _end(self) -> None:
        if self._connection:
            self._connection.close()
            self._connection = None
        if self._has:
            logger.warning(
                f"The session in {place_of(self._url)} ended, and with it this process's locks ({len(self._has)}). "
                f"They are taken again in a new one."
            )

    def _open(self) -> Connection:
        """Return the connection; a new one, once the database is there, has the locks of the one before."""
        if self._connection:
            return self._connection
        new = _connect(self._url, self._patience)
        try:
            new.execute(ON_THE_SERVER)
            taken = new.execute(TAKE, [[*self._has]]).fetchall() if self._has else []
        except BaseException:
            new.close()
            raise
        self._connection, self._patience = new, BACK_WITHIN
        for name in [self._has.pop(key) for key, is_taken in taken if not is_taken]:
            logger.warning(
                f"{name}: another process has had the lock since the session ended. What this one writes now stands "
                f"only where the other has written nothing."
            )
        return new


def _connect(url: str, patience: float) -> Connection:
    import psycopg

    deadline, is_told = time.monotonic() + patience, False
    while True:
        try:
            return psycopg.connect(
                url,
                autocommit=True,
                prepare_threshold=None,
                connect_timeout=CONNECT_WITHIN,
                tcp_user_timeout=UNHEARD_MILLISECONDS,
                keepalives_idle=20,
                keepalives_interval=10,
                keepalives_count=3,
                application_name="mailevents locks",
            )
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise _refused(url, error) from None
            if not is_told:
                logger.warning(f"{place_of(url)} does not answer. It is tried for {patience:.0f} seconds.")
                is_told = True
        time.sleep(PAUSE)


def _refused(url: str, error: Exception) -> DatabaseError:
    said = (str(error).splitlines() or [type(error).__name__])[0]
    return DatabaseError(
        f"{place_of(url)} cannot be used for locks: {said}. See that it runs and that `postgres` in the settings is "
        f"right: its user must be able to connect and to make tables."
    )


def place_of(url: str) -> str:
    """Return where a database is, without who uses it."""
    from psycopg.conninfo import conninfo_to_dict

    parts = conninfo_to_dict(url)
    return f"PostgreSQL at {parts.get('host', 'localhost')}:{parts.get('port', 5432)}, database {parts.get('dbname')}"
