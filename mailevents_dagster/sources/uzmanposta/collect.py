"""One hour of one feed: list it, reuse the details that are known, fetch the others, say what was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.events import Collection
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.sources.uzmanposta.api import Tally, UzmanPostaApi, Watch
from mailevents_dagster.sources.uzmanposta.details import DetailFetch
from mailevents_dagster.sources.uzmanposta.errors import Cause, PermanentError
from mailevents_dagster.sources.uzmanposta.listing import Listing, list_window
from mailevents_dagster.sources.uzmanposta.rows import Row
from mailevents_dagster.sources.uzmanposta.taking import Arranged, Pack, Taking, Work

CLOCKS_AGREE_WITHIN: Final = 60.0
LEFT_WHILE_LISTING: Final = 2000
"""Details not here yet beyond which no further page is listed: each waits with its row, in 3 kB of memory."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the hour is."""

    listed: int
    details_done: int
    details_wanted: int


Tell = Callable[[Progress], None]


class OutOfRetentionError(PermanentError):
    """The API does not look back as far as this hour."""

    def __init__(self, feed: Feed, hour: Hour) -> None:
        super().__init__(
            Cause.RETENTION,
            f"{feed} {hour}: the API keeps this feed for {feed.kind.kept_days} days and is asked for the last "
            f"{feed.kind.asked_days} of them, to be safe. This hour is older and can no longer be collected; nothing "
            f"stored was changed.",
        )


def collect_hour(
    api: UzmanPostaApi,
    work: Work,
    *,
    settle_seconds: float,
    details: bool = True,
    tell: Tell = lambda _: None,
    watch: Watch = lambda *_: None,
    nearly_asked: Callable[[], object] = lambda: None,
) -> Collection:
    """What the API has of an hour now, with details; asks only for what is neither committed nor in the journal.

    `nearly_asked` is called where the API would soon be left idle if nobody else asked.
    """
    tally, throttled = Tally(watch), api.budget.seconds_throttled
    began, listed_at = time.monotonic(), time.time()
    feed, hour = work.feed, work.hour
    if not feed.kind.is_asked_for(hour.start, listed_at):
        raise OutOfRetentionError(feed, hour)

    taking = Taking(work, details=details)
    listing, rows = _list_and_fetch(api, work, taking, tally, tell, nearly_asked)
    listed_at, notes = _by_the_apis_clock(listed_at, api.time_at(began))
    return Collection(
        events=rows.events,
        strays=frozenset(row.identity for _, row in rows.anywhere),
        gaps=listing.gaps,
        listed_at=listed_at,
        closed=listed_at >= hour.end + settle_seconds,
        notes=notes,
        measures={
            "list_calls": tally.lists,
            "detail_calls": tally.details,
            "api_calls": tally.lists + tally.details,
            "retries": tally.retries,
            "details_reused": rows.reused,
            "throttle_seconds": round(api.budget.seconds_throttled - throttled, 3),
            "api_seconds": round(tally.seconds, 3),
            "collect_seconds": round(time.monotonic() - began, 3),
        },
    )


def _list_and_fetch(
    api: UzmanPostaApi, work: Work, taking: Taking, tally: Tally, tell: Tell, nearly_asked: Callable[[], object]
) -> tuple[Listing[Row, Pack], Arranged]:
    """The hour as it was listed, once all its details are here. They are fetched while the listing goes on."""
    hour, listed = work.hour, 0

    def say(done: int, wanted: int) -> None:
        tell(Progress(listed, done, wanted))

    with DetailFetch(api, taking.keep, tally) as fetch:

        def ask(first: int, last: int) -> Sequence[Row]:
            if listed:
                fetch.wait(say, left=LEFT_WHILE_LISTING)
            return api.rows(work.feed, first, last, tally)

        def pack(rows: Sequence[tuple[int, Row]]) -> Pack:
            nonlocal listed
            listed += len(rows)
            return taking.pack(rows, fetch.want)

        listing = list_window(ask, hour.start, hour.end, api.access.page_limit, pack)
        rows = taking.arrange(listing.packs, listing.strays, fetch.want)
        listed = len(rows.events.times)
        fetch.wait(say, left=2 * api.parallel_details)  # a listing takes as long as one of the two
        nearly_asked()
        fetch.wait(say)
    return listing, rows


def _by_the_apis_clock(listed_at: float, theirs: float | None) -> tuple[float, tuple[str, ...]]:
    """When the listing began, by the clock that decides which events can be there yet.

    Both are times of that one moment: what is done to this machine's clock later in the run changes nothing.
    """
    if theirs is None or abs(ahead := listed_at - theirs) <= CLOCKS_AGREE_WITHIN:
        return listed_at, ()
    way = "ahead of" if ahead > 0 else "behind"
    note = f"This machine's clock is {abs(ahead):,.0f} s {way} the API's, which decides here. Set the clock (NTP)."
    return theirs, (note,)
