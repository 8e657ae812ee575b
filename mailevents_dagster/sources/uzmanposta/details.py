"""Details of many mails at once: as many calls in flight as the account allows, none waiting for a batch to end."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Final

from mailevents_dagster.events import Detail
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, TransientError
from mailevents_dagster.sources.uzmanposta.rows import Row

GIVE_UP_AFTER: Final = 20
"""Details in a row that failed after all their retries: the API is down, and asking for the rest would take days."""
TELL_EVERY: Final = 2.0

Keep = Callable[[Row, bytes], None]
Tell = Callable[[int], None]


def fetch_details(api: UzmanPostaApi, wanted: Sequence[tuple[int, Row]], keep: Keep, tell: Tell) -> dict[Row, Detail]:
    """Fetches the details of these rows and hands each to `keep` as it arrives; returns why the others have none.

    `tell` hears every few seconds how many are done. What stops the whole collection is raised, once no call is left
    in flight; what was kept until then stays kept.
    """
    fetch = _Fetch(api, wanted, keep)
    threads = min(len(wanted), api.access.max_parallel_details)
    with ThreadPoolExecutor(threads, thread_name_prefix="details") as pool:
        running = {pool.submit(fetch.work) for _ in range(threads)}
        try:
            while running:
                ended, running = wait(running, timeout=TELL_EVERY)
                tell(fetch.done)
                for one in ended:
                    one.result()
        except BaseException:
            fetch.stopped = True
            raise
    return fetch.failed


class _Fetch:
    """One round of details, shared by its threads."""

    def __init__(self, api: UzmanPostaApi, wanted: Sequence[tuple[int, Row]], keep: Keep) -> None:
        self._api = api
        self._keep = keep
        self._rows = iter(wanted)
        self._taking = threading.Lock()
        self._failed_in_a_row = 0
        self.stopped = False
        self.done = 0
        self.failed: dict[Row, Detail] = {}

    def work(self) -> None:
        """Fetches one detail after the other until none is left."""
        while not self.stopped:
            with self._taking:
                at, row = next(self._rows, (0, None))
            if row is None:
                return
            try:
                self._fetch(at, row)
            except BaseException:
                self.stopped = True
                raise
            self.done += 1

    def _fetch(self, at: int, row: Row) -> None:
        try:
            detail = self._api.detail(row.queue_id or "", row.time if row.time is not None else at)
        except ApiError as error:
            if error.cause in (Cause.PERMISSION, Cause.RATE):
                raise
            self.failed[row] = Detail.PURGED if error.cause is Cause.NOT_FOUND else Detail.MISSING
            self._failed_in_a_row += isinstance(error, TransientError)
            if self._failed_in_a_row >= GIVE_UP_AFTER:
                raise
        else:
            self._keep(row, detail)
            self._failed_in_a_row = 0
