"""The SQLite file that the outbox is kept in: opened, created, and set aside when it is damaged.

Not in WAL mode: before 3.51.3 SQLite could lose commits there when several processes wrote, two more files would have
to be set aside with a damaged one, and network drives cannot hold it. With a rollback journal a commit survives a
power cut by `synchronous=EXTRA`, which is FULL and flushes the folder, too. A commit takes 1 ms in either mode.

Whoever reads or writes holds the lock of the file for that moment. So nobody writes to a file that was set aside.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from mailevents_dagster.files.atomic import make_folder, replace, sync_folder
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.locks import holding

VERSION: Final = 1
APPLICATION: Final = 0x4D61496C
"""Tells this ledger from other SQLite files."""
PATIENCE: Final = 30.0
"""Seconds that SQLite waits for programs that read the file without our lock, such as a backup."""
T = TypeVar("T")
_DAMAGED: Final = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SCHEMA: Final = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {VERSION};
CREATE TABLE ledger (lost_at INTEGER);
CREATE TABLE destinations (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, first_used INTEGER NOT NULL);
CREATE TABLE messages (
    destination INTEGER NOT NULL REFERENCES destinations,
    key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('waiting', 'taken', 'aside')),
    hour INTEGER NOT NULL,
    at INTEGER,
    time INTEGER,
    tried_at INTEGER,
    body TEXT,
    receiver_id TEXT,
    reason TEXT,
    PRIMARY KEY (destination, key)
) WITHOUT ROWID;
CREATE INDEX waiting ON messages (destination, time, key) WHERE state = 'waiting';
CREATE INDEX aside ON messages (destination, time, key) WHERE state = 'aside';
CREATE INDEX by_hour ON messages (destination, hour, state);
"""


class OutboxError(Exception):
    """The ledger cannot be used; the text says why and what to do."""


class Rows(Protocol):
    """What came of a statement."""

    @property
    def rowcount(self) -> int:
        """So many rows were changed."""

    def fetchone(self) -> Any: ...

    def __iter__(self) -> Iterator[Any]: ...


class Statements(Protocol):
    """A transaction of a ledger. Values are marked with `?`; statements are what SQLite and PostgreSQL both know."""

    def execute(self, statement: str, values: Sequence[Any] = (), /) -> Rows: ...

    def executemany(self, statement: str, values: Iterable[Sequence[Any]], /) -> Rows: ...


class Ledger(Protocol):
    """Where the outbox is kept."""

    @property
    def is_there(self) -> bool:
        """Whether anything was ever noted in it, as far as that is known without making it."""

    def run(self, work: Callable[[Statements], T]) -> T:
        """Return what the work returns, which is one transaction. It may be begun again."""

    def holding(self, name: str, when_held: Callable[[], object]) -> AbstractContextManager[None]:
        """Keep others out while the block runs. `when_held` is called where another is in; unless it raises, wait."""

    def has(self, name: str) -> bool:
        """Return whether what this process holds is still its own."""


class LedgerFile:
    """Where the ledger lies. It is made when it is first used."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, work: Callable[[Statements], T]) -> T:
        """Return what the work returns, which is one transaction: durable when it ends well and undone otherwise.

        DamagedError where the file is damaged: it is set aside then, and the next transaction finds a new one.
        """
        with self._transaction() as connection:
            return work(connection)

    @property
    def is_there(self) -> bool:
        return self.path.exists()

    def holding(self, name: str, when_held: Callable[[], object]) -> AbstractContextManager[None]:
        """Keep others out of what the name says, which need not fit into the name of a file."""
        digest = hashlib.sha256(name.encode()).hexdigest()[:16]
        return holding(self.path.with_name(f"{self.path.name}.{digest}.lock"), when_held)

    def has(self, name: str) -> bool:  # noqa: ARG002 - a process loses no lock on a file
        """Return whether what this process holds is still its own."""
        return True

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with holding(self.path.with_name(f"{self.path.name}.lock")):
            try:
                if not self.path.exists():
                    self._create(lost_at=None, destinations=[])
                with closing(self._open()) as connection, connection:
                    connection.execute("BEGIN IMMEDIATE")
                    yield connection
            except sqlite3.DatabaseError as error:
                if _code(error) not in _DAMAGED:
                    raise OutboxError(f"{self.path} cannot be used: {error}. {_mend(error)}") from error
                raise self._begun_anew(error) from error

    def _open(self) -> sqlite3.Connection:
        if not self.path.stat().st_size:
            raise _damaged("it is empty")
        connection = _connect(self.path)
        try:
            self._check(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, connection: sqlite3.Connection) -> None:
        if connection.execute("PRAGMA application_id").fetchone()[0] != APPLICATION:
            raise _damaged("it is no outbox")
        if connection.execute("PRAGMA user_version").fetchone()[0] > VERSION:
            raise OutboxError(f"{self.path} was written by a newer version of this program; install that one again")

    def _create(self, *, lost_at: int | None, destinations: list[tuple[str, int]]) -> None:
        # Made beside and renamed, so that an empty file is known as damaged.
        make_folder(self.path.parent)
        partial = self.path.with_name(f".{self.path.name}.partial")
        for leftover in (partial, partial.with_name(f"{partial.name}-journal")):
            leftover.unlink(missing_ok=True)
        partial.touch(mode=0o600)
        with closing(_connect(partial)) as connection:
            connection.executescript(f"BEGIN;{_SCHEMA}COMMIT;")
            with connection:
                connection.execute("BEGIN")
                connection.execute("INSERT INTO ledger VALUES (?)", [lost_at])
                connection.executemany("INSERT INTO destinations (name, first_used) VALUES (?, ?)", destinations)
        replace(partial, self.path)
        sync_folder(self.path.parent)

    def _begun_anew(self, error: sqlite3.DatabaseError) -> DamagedError:
        destinations = _destinations_in(self.path)
        aside = set_aside(self.path)
        journal = self.path.with_name(f"{self.path.name}-journal")
        if journal.exists():  # it would be played back into the new file
            set_aside(journal)
        self._create(lost_at=int(time.time()), destinations=destinations)
        known = "" if destinations else " From when on each destination is served is lost, too: set `since` to a date."
        return DamagedError(
            f"{self.path} was damaged ({error}) and is set aside as {aside.name}; a new outbox is begun. What was "
            f"delivered so far is no longer known: hours that are published again may go out twice.{known}"
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    connection.execute("PRAGMA synchronous = EXTRA")
    connection.execute("PRAGMA secure_delete = ON")  # bodies hold addresses: what is dropped is written over
    return connection


def _destinations_in(damaged: Path) -> list[tuple[str, int]]:
    """Return what can still be read of the destinations."""
    try:
        with closing(sqlite3.connect(f"{damaged.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT name, first_used FROM destinations").fetchall()
    except sqlite3.DatabaseError:
        return []


def _damaged(why: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    return error


def _code(error: sqlite3.DatabaseError) -> int:
    """Return SQLite's primary code; extended ones carry more in their upper bits."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _mend(error: sqlite3.DatabaseError) -> str:
    code = _code(error)
    if code == sqlite3.SQLITE_FULL:
        return "Make room on the disk."
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return "Give this user the right to write the file and its folder."
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return f"Another program held it for {PATIENCE:g} s; end that one."
    return "Look at the disk; nothing was changed in the file."
