"""Details of many mails at once: as many calls in flight as the account allows, not in batches."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Self

from mailevents_dagster.model.event import Detail
from mailevents_dagster.sources.uzmanposta.api import Tally, UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, TransientError
from mailevents_dagster.sources.uzmanposta.rows import Record, Row

GIVE_UP_AFTER: Final = 20
"""After so many details in a row that failed all their retries the API is down; the rest would take days."""
REPORT_EVERY: Final = 2.0
PATIENCE_AT_STOP: Final = 1.0
"""Seconds that a stopped collection gives its calls in flight to end by themselves."""

Keep = Callable[[int, Row, Record | Detail], None]
Report = Callable[[int, int], None]
"""Takes how many details are done, and how many are wanted."""


class DetailFetch:
    """Fetches details as soon as they are wanted, so that they arrive while the listing still goes on.

    Passes each to `keep` as it arrives, or why there is none. What was kept stays kept, however the block ends.
    """

    def __init__(self, api: UzmanPostaApi, keep: Keep, tally: Tally) -> None:
        self._api = api
        self._keep = keep
        self._tally = tally
        self._wanted = 0
        self._left = 0
        self._in_flight = 0
        self._awaited = 0
        """Whoever waits is notified when no more than so many are left."""
        self._changed = threading.Condition()
        self._error: BaseException | None = None
        self._failed_in_a_row = 0
        self._stopped = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            return
        self._stopped = True
        if not issubclass(kind, Exception):  # the process is told to end
            self._api.stop()
        with self._changed:
            self._changed.wait_for(lambda: not self._in_flight, PATIENCE_AT_STOP)

    def want(self, rows: Iterable[tuple[int, Row]]) -> None:
        """Ask for the details of these mails."""
        for at, row in rows:
            with self._changed:
                self._wanted += 1
                self._left += 1
            self._api.workers.do(partial(self._take, at, row))

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

    def _take(self, at: int, row: Row) -> None:
        if self._stopped:
            return
        with self._changed:
            self._in_flight += 1
        try:
            self._fetch(at, row)
        except BaseException as error:
            self._error = self._error or error
            self._stopped = True
        with self._changed:
            self._in_flight -= 1
            self._left -= 1
            if self._stopped or self._left <= self._awaited:
                self._changed.notify_all()

    def _fetch(self, at: int, row: Row) -> None:
        try:
            detail = self._api.detail(row.queue_id or "", row.time if row.time is not None else at, self._tally)
        except ApiError as error:
            if error.cause in (Cause.PERMISSION, Cause.RATE):
                raise
            self._keep(at, row, Detail.PURGED if error.cause is Cause.NOT_FOUND else Detail.MISSING)
            self._failed_in_a_row += isinstance(error, TransientError)
            if self._failed_in_a_row >= GIVE_UP_AFTER:
                raise
        else:
            self._keep(at, row, detail)
            self._failed_in_a_row = 0
