"""One hour of one feed: list it, reuse the details that are known, fetch the others, return what was found."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.model.event import Collection, Progress
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Attempt, Options
from mailevents_dagster.sources.uzmanposta.api import Tally, UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.details import detail_fetch
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, PermanentError, TransientError
from mailevents_dagster.sources.uzmanposta.intake import Arranged, Intake, Pack
from mailevents_dagster.sources.uzmanposta.listing import Listing, list_window
from mailevents_dagster.sources.uzmanposta.neighbours import kept_here
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster.sources.uzmanposta.rows import Row
from mailevents_dagster.store.hour.open_hour import OpenHour

CLOCKS_AGREE_WITHIN: Final = 60.0
LEFT_WHILE_LISTING: Final = 2000
"""With more details outstanding no further page is listed: each waits with its row, in 3 kB of memory."""


class OutOfRetentionError(PermanentError):
    """The hour is older than what the API keeps."""

    def __init__(self, feed: Feed, hour: Hour) -> None:
        super().__init__(
            Cause.RETENTION,
            f"{feed} {hour}: the API keeps this feed for {feed.kind.kept_days} days and is asked for the last "
            f"{feed.kind.asked_days} of them, to be safe. This hour is older and can no longer be collected; nothing "
            f"stored was changed.",
        )


@dataclass(frozen=True, slots=True)
class UzmanPostaClient:
    """What collects the hours of an account."""

    api: UzmanPostaApi

    def collect(self, work: OpenHour, options: Options) -> Collection:
        return collect_hour(self.api, work, options)

    def stop(self) -> None:
        self.api.stop()

    def close(self) -> None:
        self.api.close()


def collect_hour(api: UzmanPostaApi, work: OpenHour, options: Options = Options()) -> Collection:  # noqa: B008 - it is frozen
    """Return what the API has of an hour now, with details.

    It is asked only for details that are neither committed nor in the journal.
    """
    throttled_before = api.budget.seconds_throttled
    began, listed_at = time.monotonic(), time.time()
    feed, hour = work.feed, work.hour
    if not feed.kind.is_asked_for(hour.start, listed_at):
        raise OutOfRetentionError(feed, hour)

    def observe(seconds: float, failed: ApiError | None) -> None:
        options.observe(Attempt(seconds, failed, api.budget.seconds_throttled - throttled_before))

    tally = Tally(observe)
    intake = Intake(work, details=options.details, looked_at_again=listed_at < hour.end + options.lookback_seconds)
    size = PageSize.of(api.access.page_limit, work.learnt)
    listing, rows = _list_and_fetch(api, work, size, intake, tally, options.report)
    clock = _clock(listed_at, api.time_at(began))
    listed_at += clock or 0.0
    return Collection(
        events=rows.events,
        strays=frozenset(row.identity for _, row in rows.strays),
        gaps=listing.gaps,
        listed_at=listed_at,
        closed=listed_at >= hour.end + options.settle_seconds,
        notes=tuple(_notes(clock, size, listing.size)),
        clock=clock,
        learnt=listing.size.as_learnt,
        measures={
            "list_calls": tally.lists,
            "detail_calls": tally.details,
            "api_calls": tally.lists + tally.details,
            "retries": tally.retries,
            "details_reused": rows.reused,
            "throttle_seconds": round(api.budget.seconds_throttled - throttled_before, 3),
            "api_seconds": round(tally.seconds, 3),
            "collect_seconds": round(time.monotonic() - began, 3),
        },
    )


def _list_and_fetch(
    api: UzmanPostaApi,
    work: OpenHour,
    size: PageSize,
    intake: Intake,
    tally: Tally,
    report: Callable[[Progress], object],
) -> tuple[Listing[Row, Pack], Arranged]:
    """List the hour, and fetch its details while the listing goes on; return it once all of them are here."""
    hour, listed = work.hour, 0
    few: int | None = None

    def report_details(done: int, wanted: int) -> None:
        report(Progress(listed, done, wanted, next_may_begin=few is not None and wanted - done <= few))

    with detail_fetch(api, intake.keep, tally) as fetch:

        def ask(first: int, last: int) -> Sequence[Row]:
            if listed:
                fetch.wait(report_details, left=LEFT_WHILE_LISTING)
            return believable(lambda: api.rows(work.feed, first, last, tally), first, last)

        def pack(rows: Sequence[tuple[int, Row]]) -> Pack:
            nonlocal listed
            listed += len(rows)
            return intake.pack(rows, fetch.want)

        listing = list_window(ask, hour.start, hour.end, size, pack)
        strays = kept_here(listing.outside, hour, work.held_in, ask)
        rows = intake.arrange(listing.packs, strays, fetch.want)
        listed = len(rows.events.times)
        few = 2 * api.parallel_details  # which take about as long as the listing of the next hour
        fetch.wait(report_details, left=few)
        fetch.wait(report_details)
    return listing, rows


def believable(ask: Callable[[], Sequence[Row]], first: int, last: int) -> Sequence[Row]:
    """Return an answer whose rows mostly lie in the window, or one that comes a second time.

    A proxy may hand over the answer to another call, so such a window is asked for again. An API that filters by
    another time than its rows say gives the same rows again.
    """
    answer = ask()
    if not _is_mostly_elsewhere(answer, first, last):
        return answer
    again = ask()
    came_again = not Counter(row.content for row in answer) - Counter(row.content for row in again)
    if came_again or not _is_mostly_elsewhere(again, first, last):
        return again
    raise TransientError(
        Cause.PROTOCOL,
        f"The listing from {first} to {last} was answered twice, each time with other rows that mostly lie outside of "
        f"it. Something between here and the API mixes up answers: look at proxies on the way.",
    )


def _is_mostly_elsewhere(answer: Sequence[Row], first: int, last: int) -> bool:
    times = [row.time for row in answer if row.time is not None]
    return sum(not first <= at <= last for at in times) * 2 > len(times)


def _clock(listed_at: float, theirs: float | None) -> float | None:
    """Return by how much the API's clock is ahead of this machine's, 0 where they agree; None where no answer said.

    Both are read for the moment the listing began, so that setting this machine's clock later changes nothing. The
    API's clock decides which events can exist yet.
    """
    if theirs is None:
        return None
    return 0.0 if abs(theirs - listed_at) <= CLOCKS_AGREE_WITHIN else theirs - listed_at


def _notes(clock: float | None, before: PageSize, size: PageSize) -> Iterator[str]:
    if clock:
        way = "ahead of" if clock < 0 else "behind"
        yield f"This machine's clock is {abs(clock):,.0f} s {way} the API's, which decides here. Set the clock (NTP)."
    if size.limit != before.limit:
        yield (
            f"The API shows at most {size.limit:,} rows at a time where {before.limit:,} were assumed. The rest was "
            f"asked for, and is from now on."
        )
