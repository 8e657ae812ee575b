"""PostgreSQL, where the settings name it: one bounded pool of connections a process, and errors that say what to do.

A connection that is lost takes its transaction and its locks with it. So whoever is killed holds nothing, and whatever
was begun when the database was restarted is begun again.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from mailevents_dagster.sharing.database_errors import AwayError, DatabaseError, meaning
from mailevents_dagster.sharing.tables import SCHEMA, make_tables

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

T = TypeVar("T")

NAME: Final = "mailevents"
MOST_CONNECTIONS: Final = 2
"""In the pool of a process: 32 runs at work hold 64. Transactions take milliseconds, so threads hardly wait."""
IDLE: Final = 30.0
"""Seconds after which a connection that nobody needed is closed."""
CONNECTING: Final = 10
"""Seconds that connecting may take, and that a thread waits for a connection of the pool."""
PATIENCE: Final = 120.0
THERE_WITHIN: Final = 10.0
"""Seconds that work waits for a database that went away, longer than a restart takes, and that was never there."""
LOOK_EVERY: Final = 0.5
TELL_EVERY: Final = 10.0
NOBODY_ANSWERS: Final[Mapping[str, object]] = {
    # A server that vanished, with its machine or its network, is noticed after half a minute.
    "connect_timeout": CONNECTING,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 4,
    "tcp_user_timeout": 30_000,
}
SESSION: Final[Mapping[str, str]] = {
    "search_path": SCHEMA,
    # A client that vanished so, or stands still, lets go of what it holds as soon.
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
    "idle_in_transaction_session_timeout": "15s",
    "lock_timeout": "20s",
    "statement_timeout": "120s",
    "idle_session_timeout": "0",  # locks hang on a session, however long nobody says anything in it
}
_LOG: Final = logging.getLogger(__name__)
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # it warns of each try, and what it means is told here


@dataclass(frozen=True, slots=True)
class Database:
    """A database by its address, which holds a password and is never shown. Equal ones share their connections."""

    url: str = field(repr=False)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Yield a connection of the pool for short work, since they are few. Each statement is a transaction.

        AwayError where the database is away, or went away meanwhile.
        """
        with self.told(), _pool_of(self.url).connection() as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a connection for one transaction.

        With an error nothing of it counts, but for a connection that is lost while the transaction is committed: it
        may have taken place.
        """
        with self.connection() as connection, connection.transaction():
            yield connection

    def connected(self, name: str) -> Connection:
        """Return a connection of one's own, outside of the pool, for what lasts. Each statement is a transaction.

        The name is shown among the sessions of the server.
        """
        with self.told():
            _pool_of(self.url)  # which makes the tables
            return _connected(self.url, name)

    @contextmanager
    def told(self) -> Iterator[None]:
        """Turn errors of the driver into what whoever runs this must know."""
        try:
            import psycopg
            import psycopg_pool  # noqa: F401 - is installed with the same extra
        except ImportError:
            raise DatabaseError("psycopg is not installed: pip install 'mailevents-dagster[postgres]'") from None
        try:
            yield
        except psycopg.Error as error:
            raise meaning(error, _place(self.url)) from None  # the driver's own may quote values

    def close(self) -> None:
        """Close this process's pool; whoever uses the database afterwards opens a new one."""
        if pool := _pools.pop((os.getpid(), self.url), None):
            pool.close(timeout=1)

    def patiently(self, work: Callable[[], T], sleep: Callable[[float], object] = time.sleep) -> T:
        """Return what the work returns; it is begun again as often as the database goes away meanwhile.

        One that this process never reached is waited for less long: its address may be wrong.
        """
        began = told_at = time.monotonic()
        patience = PATIENCE if (os.getpid(), self.url) in _pools else THERE_WITHIN
        while True:
            try:
                return work()
            except AwayError as away:
                now = time.monotonic()
                if now - began > patience:
                    raise
                if now - told_at > TELL_EVERY:
                    told_at = now
                    _LOG.warning("waiting for the database: %s", away)
            sleep(LOOK_EVERY)


def _connected(url: str, name: str) -> Connection:
    """Return a new connection whose session ends where nobody is at the other end."""
    import psycopg

    return psycopg.connect(**_parameters(url, name))


def _parameters(url: str, name: str = NAME) -> dict[str, Any]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    try:
        named = conninfo_to_dict(url)
    except ProgrammingError:
        raise DatabaseError(
            "the address in `postgres` cannot be read; docs/postgres.md says how it is written"
        ) from None
    session = " ".join(f"-c {name}={value}" for name, value in SESSION.items())
    options = {"options": f"{named.get('options', '')} {session}".strip(), "application_name": name}
    return {**NOBODY_ANSWERS, **named, **options, "autocommit": True, "prepare_threshold": None}


def _place(url: str) -> str:
    """Return where the database is, for people: all of the address but the password."""
    named = _parameters(url)
    host, port = named.get("host", "localhost"), named.get("port", "5432")
    return f"{host}:{port}, database {named.get('dbname', '')}, user {named.get('user', '')}"


_pools: Final[dict[tuple[int, str], ConnectionPool]] = {}
"""By process, too: what a process has of the one that it was forked from is left alone."""
_opening: Final = threading.Lock()


def _pool_of(url: str) -> ConnectionPool:
    """Return this process's pool, opened when it is first asked for; the tables are there then."""
    from psycopg_pool import ConnectionPool

    with _opening:
        if (os.getpid(), url) not in _pools:
            with _connected(url, NAME) as first:
                make_tables(first)
            _pools[os.getpid(), url] = ConnectionPool(
                kwargs=_parameters(url),
                min_size=0,
                max_size=MOST_CONNECTIONS,
                open=True,
                name=NAME,
                timeout=CONNECTING,
                max_idle=IDLE,
                reconnect_timeout=CONNECTING,
                num_workers=1,
            )
        return _pools[os.getpid(), url]


@atexit.register
def _close() -> None:
    for (process, _), pool in _pools.items():
        if process == os.getpid():
            pool.close(timeout=1)
