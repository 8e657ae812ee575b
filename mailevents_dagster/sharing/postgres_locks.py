"""Locks of several machines in PostgreSQL: advisory ones, which go with the session of the process that has them.

A killed process loses them at once, a lost host in half a minute. Where the database is started anew all are gone. Each
process takes its own again as soon as it is back; what another took meanwhile is told. The store is right all the same:
on an object store nothing is written but in the place of what was read.
"""

from __future__ import annotations

import atexit
import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.database_errors import DatabaseError
from mailevents_dagster.sharing.doubts import Doubts
from mailevents_dagster.sharing.locks import WhenHeld, nothing
from mailevents_dagster.sharing.names_in_use import NamesInUse
from mailevents_dagster.sharing.postgres_session import Session

PAUSES: Final = (0.02, 0.5)
"""Seconds between two tries for a lock that another has: first, and at most."""
LOOK_EVERY: Final = 10.0
"""Seconds between two looks whether the session of a run is still there."""
SIGN_IN: Final = "INSERT INTO mailevents_runs VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
HELD: Final = """
    key IN (SELECT (classid::bigint << 32) | objid::bigint FROM pg_locks
            WHERE locktype = 'advisory' AND objsubid = 1 AND granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
"""
RUNS: Final = f"SELECT run_id, {HELD} FROM mailevents_runs WHERE storage = %s"  # noqa: S608 - all of it stands here
FORGET: Final = f"DELETE FROM mailevents_runs WHERE storage = %s AND run_id = ANY(%s) AND NOT ({HELD})"  # noqa: S608

logger = logging.getLogger(__name__)


class PostgresLocks:
    """Locks of one storage. All of a process hang on one session, whatever their number."""

    def __init__(self, session: Session, storage: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._session = session
        self._storage = storage
        self._here = NamesInUse()
        self._signed_in: dict[str, int] = {}
        self._doubts = Doubts(clock)
        self._signing = threading.Lock()
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None

    @contextmanager
    def holding(self, name: str, when_held: WhenHeld = nothing) -> Iterator[None]:
        """Sessions do not keep their own threads apart, so that is done here first."""
        key = key_of(self._storage, name)
        with self._here.using(name, when_held):
            pause, longest = PAUSES
            if not self._session.take(key, name):
                when_held()
                while not self._session.take(key, name):
                    time.sleep(pause)
                    pause = min(pause * 1.5, longest)
            try:
                yield
            finally:
                self._session.give_back(key)

    def has(self, name: str) -> bool:
        """Return whether a lock that this process holds is still its own: each new session takes it again if it can."""
        self._session.rows("SELECT 1")
        return self._session.has(key_of(self._storage, name))

    def briefly(self, name: str) -> AbstractContextManager[None]:
        return self.holding(name)

    def sign_in(self, run_id: str) -> Callable[[], object]:
        with self._signing:
            if run_id in self._signed_in:
                return nothing
            self._signed_in[run_id] = key_of(self._storage, f"runs/{run_id}")
            self._be_there(run_id)
            if not self._keeper:
                self._keeper = threading.Thread(target=self._keep, name="sign-ins", daemon=True)
                self._keeper.start()
        return lambda: self._sign_out(run_id)

    def _be_there(self, run_id: str) -> None:
        """Have lock and row of a run. The lock comes first: nobody finds a row without it."""
        key = self._signed_in[run_id]
        if not self._session.has(key):
            self._session.take(key, f"run {run_id}")
        self._session.rows(SIGN_IN, [self._storage, run_id, key])

    def _sign_out(self, run_id: str) -> None:
        with self._signing:
            if (key := self._signed_in.pop(run_id, None)) is not None:
                self._session.give_back(key)

    @contextmanager
    def runs(self) -> Iterator[Mapping[str, bool]]:
        with self.holding("runs"):
            held = {str(run_id): bool(is_held) for run_id, is_held in self._session.rows(RUNS, [self._storage])}
            gone = self._doubts.confirmed({run_id for run_id, is_held in held.items() if not is_held})
            yield {run_id: run_id not in gone for run_id in held}
            if gone:
                self._session.rows(FORGET, [self._storage, [*gone]])

    def close(self) -> None:
        """Give everything back, also what else hangs on the session."""
        self._ended.set()
        self._session.close()
        if self._keeper:
            self._keeper.join()

    def _keep(self) -> None:
        """Notice soon that the session ended, so that the runs of this process are not taken for gone."""
        while not self._ended.wait(LOOK_EVERY):
            try:
                with self._signing:
                    for run_id in self._signed_in:
                        self._be_there(run_id)
            except DatabaseError as error:
                logger.warning(f"{error} Meanwhile the runs of this process may be taken for gone.")


_sessions: Final[dict[tuple[int, str], Session]] = {}
"""By process, too: a fork needs its own, and leaves alone what the process has that it was forked from."""
_locks: Final[dict[tuple[int, str, str], PostgresLocks]] = {}


def locks_in(database: Database, storage: str) -> PostgresLocks:
    """Return this process's locks of a storage, the same for all who ask. All storages share its session."""
    here = os.getpid(), database.url, storage
    if here not in _locks:
        session = _sessions.setdefault(here[:2], Session(database))
        _locks.setdefault(here, PostgresLocks(session, storage))
    return _locks[here]


@atexit.register
def close_locks() -> None:
    """Give back all that this process has; whoever asks for locks afterwards gets new ones."""
    for here in [here for here in _locks if here[0] == os.getpid()]:
        _locks.pop(here).close()
        _sessions.pop(here[:2], None)


def key_of(storage: str, name: str) -> int:
    """Return the number of a lock in its database: the same in all processes, another for each storage."""
    digest = hashlib.blake2b(f"mailevents\0{storage}\0{name}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, signed=True)
