"""Details of many events at once: as many calls in flight as the source allows, not in batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Generic, Self, TypeVar

from mailevents_dagster.model.event import SourceError
from mailevents_dagster.sources.workers import Workers

GIVE_UP_AFTER: Final = 20
"""After so many details in a row that failed all their retries the source is down; the rest would take days."""
REPORT_EVERY: Final = 2.0
PATIENCE_AT_STOP: Final = 1.0
"""Seconds that a stopped collection gives its calls in flight to end by themselves."""

T = TypeVar("T")
Report = Callable[[int, int], None]
"""Takes how many details are done, and how many are wanted."""


class Failures:
    """How many details failed in a row in passing."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def add(self, error: SourceError) -> None:
        """Count a failure, which is raised where there were too many in a row."""
        self._in_a_row += error.is_passing
        if self._in_a_row >= GIVE_UP_AFTER:
            raise error

    def end(self) -> None:
        self._in_a_row = 0


class Fetching(Generic[T]):
    """Fetches details as soon as they are wanted, so that they arrive while the listing still goes on.

    What was fetched stays fetched, however the block ends.
    """

    def __init__(self, workers: Workers, fetch: Callable[[T], object], stop: Callable[[], object]) -> None:
        """`fetch` keeps what it gets, and raises what ends the collection; `stop` ends the calls that wait."""
        self._workers = workers
        self._fetch = fetch
        self._stop = stop
        self._wanted = 0
        self._left = 0
        self._in_flight = 0
        self._awaited = 0
        """Whoever waits is notified when no more than so many are left."""
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            return
        self._stopped = True
        if not issubclass(kind, Exception):  # the process is told to end
            self._stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, PATIENCE_AT_STOP)

    def want(self, items: Iterable[T]) -> None:
        """Ask for the details of these."""
        for item in items:
            with self._changed:
                self._wanted += 1
                self._left += 1
            self._workers.do(partial(self._take, item))

    def wait(self, report: Report, left: int = 0) -> None:
        """Wait until no more than so many are left; report progress every few seconds, and at the end.

        Raise what stopped the collection.
        """
        is_over = False
        while not is_over:
            with self._changed:
                self._awaited = left
                is_over = self._changed.wait_for(lambda: self._left <= left or self._stopped, REPORT_EVERY)
                done = self._wanted - self._left
            report(done, self._wanted)
        if self._error:
            raise self._error

    def _take(self, item: T) -> None:
        if self._stopped:
            return
        with self._changed:
            self._in_flight += 1
        try:
            self._fetch(item)
        except BaseException as error:
            self._error = self._error or error
            self._stopped = True
        with self._changed:
            self._in_flight -= 1
            self._left -= 1
            if self._stopped or self._left <= self._awaited:
                self._changed.notify_all()
