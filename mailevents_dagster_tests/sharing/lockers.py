"""Locks of each kind, and processes that have some until they are killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

from upath import UPath

from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.sharing.locks import FileLocks, Locks
from mailevents_dagster.sharing.postgres_locks import PostgresLocks
from mailevents_dagster.sharing.postgres_session import Session
from mailevents_dagster_tests.forks import FORKS, PATIENCE

MakeLocks = Callable[[], Locks]
"""Makes the locks of one process; goes to others, too."""


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def files(folder: Path) -> Locks:
    return FileLocks(folder)


def leases(folder: str, environment: dict[str, str], term: float) -> Leases:
    os.environ.update(environment)
    return Leases(UPath(folder), term)


def postgres(
    url: str, storage: str = "s3://bucket/prefix", clock: Callable[[], float] = time.monotonic
) -> PostgresLocks:
    """Locks with a session of their own, as another process has them."""
    return PostgresLocks(Session(Database(url)), storage, clock)


def hold(make: MakeLocks, names: list[str], runs: list[str], has_them: Event) -> None:
    locks = make()
    with ExitStack() as stack:
        for run in runs:
            locks.sign_in(run)
        for name in names:
            stack.enter_context(locks.holding(name))
        has_them.set()
        signal.pause()


@contextmanager
def another(make: MakeLocks, *names: str, runs: list[str] | None = None) -> Iterator[BaseProcess]:
    """A process that has these locks, until it is killed or to the end of the block."""
    has_them = FORKS.Event()
    process = FORKS.Process(target=hold, args=(make, [*names], runs or [], has_them))
    process.start()
    try:
        assert has_them.wait(PATIENCE)
        yield process
    finally:
        process.kill()
        process.join()


def is_free(locks: Locks, name: str) -> bool:
    """Whether a lock is to be had at once."""

    class HeldError(Exception): ...

    def refuse() -> None:
        raise HeldError

    try:
        with locks.holding(name, refuse):
            return True
    except HeldError:
        return False
