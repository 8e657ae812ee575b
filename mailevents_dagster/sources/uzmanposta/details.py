"""Details of the mails of a listing, fetched side by side: each is kept as it arrives, or why there is none."""

from __future__ import annotations

from collections.abc import Callable

from mailevents_dagster.model.event import Detail
from mailevents_dagster.sources.fetching import Failures, Fetching
from mailevents_dagster.sources.uzmanposta.api import Tally, UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause
from mailevents_dagster.sources.uzmanposta.rows import Record, Row

Keep = Callable[[int, Row, Record | Detail], None]


def detail_fetch(api: UzmanPostaApi, keep: Keep, tally: Tally) -> Fetching[tuple[int, Row]]:
    """Return what fetches details of mails; it passes each to `keep`, from whatever thread."""
    failures = Failures()

    def fetch(mail: tuple[int, Row]) -> None:
        at, row = mail
        try:
            detail = api.detail(row.queue_id or "", row.time if row.time is not None else at, tally)
        except ApiError as error:
            if error.cause in (Cause.PERMISSION, Cause.RATE):
                raise
            keep(at, row, Detail.PURGED if error.cause is Cause.NOT_FOUND else Detail.MISSING)
            failures.add(error)
        else:
            keep(at, row, detail)
            failures.end()

    return Fetching(api.workers, fetch, api.stop)
