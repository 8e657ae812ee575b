"""Details of many mails at once: as many calls in flight as the account allows, none waiting for a batch to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from typing import Final, Self

from mailevents_dagster.events import Detail
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, TransientError
from mailevents_dagster.sources.uzmanposta.rows import Record, Row

GIVE_UP_AFTER: Final = 20
"""Details in a row that failed after all their retries: the API is down, and asking for the rest would take days."""
TELL_EVERY: Final = 2.0
PATIENCE_AT_STOP: Final = 0.2
"""Seconds that a stopped collection gives each of its calls in flight to end by itself."""

Keep = Callable[[int, Row, Record | Detail], None]
Tell = Callable[[int, int], None]


class DetailFetch:
    """Fetches details from the moment they are wanted, so that they arrive while the listing still goes on.

    Hands each to `keep` as it arrives, or why there is none. Leaving the block waits for the calls in flight; what was
    kept stays kept.
    """

    def __init__(self, api: UzmanPostaApi, keep: Keep) -> None:
        self._api = api
        self._keep = keep
        self._wanted = 0
        self._queue: SimpleQueue[tuple[int, Row] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._error: BaseException | None = None
        self._counting = threading.Lock()
        self._growing = threading.Lock()
        self._failed_in_a_row = 0
        self._stopped = False
        self.done = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._stopped = True
            if not issubclass(kind, Exception):  # the process is told to end: nothing of it waits any longer
                self._api.stop()
        self._close_queue()
        for thread in self._threads:
            thread.join(PATIENCE_AT_STOP if kind else None)

    def want(self, rows: Iterable[tuple[int, Row]]) -> None:
        """Asks for the details of these mails."""
        for pair in rows:
            self._wanted += 1
            self._queue.put(pair)
            self._grow()

    def finish(self, tell: Tell) -> None:
        """Waits until all is fetched, saying every few seconds how far it is; raises what stops the collection."""
        self._close_queue()
        for thread in self._threads:  # one that is begun meanwhile is waited for, too
            while thread.is_alive():
                thread.join(TELL_EVERY)
                tell(self.done, self._wanted)
        if self._error:
            raise self._error

    def _grow(self) -> None:
        """Begins one thread more where mails wait and the API may be asked for more of them at a time."""
        with self._growing:
            if self._stopped or self._queue.empty() or len(self._threads) >= self._api.parallel_details:
                return
            # A daemon: a call that hangs at the end must not hold up the process, its answer is not needed.
            thread = threading.Thread(target=self._work, name="details", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _close_queue(self) -> None:
        self._queue.put(None)

    def _work(self) -> None:
        try:
            while (item := self._queue.get()) is not None and not self._stopped:
                self._fetch(*item)
                self._grow()
        except BaseException as error:
            self._error = self._error or error
            self._stopped = True
        finally:
            self._queue.put(None)  # for the next: it ends them all, one after the other

    def _fetch(self, at: int, row: Row) -> None:
        try:
            detail = self._api.detail(row.queue_id or "", row.time if row.time is not None else at)
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
        with self._counting:
            self.done += 1
