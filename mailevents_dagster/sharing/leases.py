"""Locks of several machines in an object store alone: leases, which a thread of their process renews.

No clock is compared with another's: who waits takes a lease over once it stayed the same for a whole term by his own.
So a process that was stopped may wake up without its lease. What it writes then does not count: on an object store
nothing is written but in the place of what was read, and that is not there any more.

A lease costs a request to take and one to give back. What is held for moments, while something is written in the place
of what was read, takes none.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Final

from upath import UPath

from mailevents_dagster.files.objects import ABSENT, ChangedError, Tag, asked, read_tagged, remove
from mailevents_dagster.sharing.doubts import Doubts
from mailevents_dagster.sharing.lease import Lease, take
from mailevents_dagster.sharing.locks import WhenHeld, nothing
from mailevents_dagster.sharing.names_in_use import NamesInUse

if TYPE_CHECKING:
    from obstore.store import S3Store

TERM: Final = 45.0
"""Seconds for which a lease is not renewed before another takes it."""
RENEWALS: Final = 4
"""In a term: one that fails does not lose the lease."""
SUFFIX: Final = ".lease"

logger = logging.getLogger(__name__)


class Leases:
    """The locks of one storage, objects in a folder of it."""

    def __init__(self, folder: UPath, term: float = TERM, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._term = term
        self._clock = clock
        self._here = NamesInUse()
        self._mine: dict[str, Lease] = {}
        self._seen: dict[str, tuple[Tag, float]] = {}
        """The leases of runs as they were seen first, and when."""
        self._doubts = Doubts(clock)
        self._starting = threading.Lock()
        self._ended = threading.Event()
        self._keeper: threading.Thread | None = None

    @contextmanager
    def holding(self, name: str, when_held: WhenHeld = nothing) -> Iterator[None]:
        with self._here.using(name, when_held):
            lease = self._lease(name)
            take(lease, self._term, when_held)
            self._keep(name, lease)
            try:
                yield
            finally:
                self._give_back(name)

    def briefly(self, name: str) -> AbstractContextManager[None]:
        """Keep the threads of this process apart, which saves them tries: no lease is needed."""
        return self._here.using(name, nothing)

    def sign_in(self, run_id: str) -> Callable[[], object]:
        name = f"runs/{run_id}"
        with self._here.using(name, nothing):
            if name in self._mine:
                return nothing
            lease = self._lease(name)
            _sign_in(lease)
            self._keep(name, lease)
        return lambda: self._give_back(name)

    @contextmanager
    def runs(self) -> Iterator[Mapping[str, bool]]:
        found, now = self._found(), self._clock()
        self._seen = {
            run_id: before if (before := self._seen.get(run_id)) and before[0] == tag else (tag, now)
            for run_id, tag in found.items()
        }
        gone = self._doubts.confirmed({run for run, (_, since) in self._seen.items() if now - since >= self._term})
        yield {run_id: run_id not in gone for run_id in found}
        for run_id in gone:
            remove(self._path(f"runs/{run_id}"))

    def close(self) -> None:
        """Renew nothing any more. What is still held runs out."""
        self._ended.set()
        if self._keeper:
            self._keeper.join()

    @property
    def _lost(self) -> str:
        return (
            f"another process has taken the lease, since it was not renewed for {self._term:.0f} seconds. What this "
            f"one writes of it stands only where the other has written nothing."
        )

    def _lease(self, name: str) -> Lease:
        return Lease(self._path(name), self._clock)

    def _path(self, name: str) -> UPath:
        return self._folder / f"{name}{SUFFIX}"

    def _found(self) -> dict[str, Tag]:
        """Return the leases of runs, by one request for a thousand of them."""

        def found(store: S3Store, key: str) -> dict[str, Tag]:
            objects = [one for some in store.list(key) for one in some]
            return {PurePosixPath(one["path"]).name.removesuffix(SUFFIX): one["e_tag"] or "" for one in objects}

        return asked(self._folder / "runs", found)

    def _keep(self, name: str, lease: Lease) -> None:
        """Have a lease renewed until it is given back."""
        self._mine[name] = lease
        with self._starting:
            if not self._keeper:
                self._keeper = threading.Thread(target=self._renew, name="leases", daemon=True)
                self._keeper.start()

    def _renew(self) -> None:
        while not self._ended.wait(self._term / RENEWALS):
            for name, lease in list(self._mine.items()):
                try:
                    self._renew_one(name, lease)
                except OSError as error:
                    logger.warning(f"The lease of {name} could not be renewed, which is tried again: {error}")

    def _renew_one(self, name: str, lease: Lease) -> None:
        """Renew a lease, or say that it is another's. A run's never is: it was taken for gone, and is there again."""
        try:
            lease.renew()
        except ChangedError:
            if name.startswith("runs/"):
                _sign_in(lease)
            elif self._mine.pop(name, None):
                logger.warning(f"{name}: {self._lost}")

    def _give_back(self, name: str) -> None:
        lease = self._mine.pop(name, None)
        try:
            if lease:
                lease.give_back(sure_for=self._term / RENEWALS)
        except ChangedError:
            logger.warning(f"{name}: {self._lost}")
        except OSError as error:  # what was done under it is done
            logger.warning(f"The lease of {name} could not be given back; it runs out by itself: {error}")


def _sign_in(lease: Lease) -> None:
    """Write the lease of a run, whatever is there: it may be of a process of this run that is gone."""
    expected = ABSENT
    while True:
        try:
            return lease.write(expected)
        except ChangedError:
            there = read_tagged(lease.path)
            expected = there[1] if there else ABSENT
