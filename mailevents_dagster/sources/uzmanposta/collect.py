"""One hour of one feed: list it, reuse the details that are known, fetch the others, say what was found."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from mailevents_dagster.events import Collection, Detail, Event
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.details import DetailFetch
from mailevents_dagster.sources.uzmanposta.errors import Cause, PermanentError
from mailevents_dagster.sources.uzmanposta.listing import Listing, list_window
from mailevents_dagster.sources.uzmanposta.rows import Row

CLOCKS_AGREE_WITHIN: Final = 60.0


class Details(Protocol):
    """Details already fetched, by identity and digest of the listing row."""

    def get(self, identity: bytes, listing: bytes) -> bytes | None: ...
    def record(self, identity: bytes, listing: bytes, raw: bytes) -> None: ...


class Work(Protocol):
    """An hour to collect, as the store opens it."""

    @property
    def feed(self) -> Feed: ...
    @property
    def hour(self) -> Hour: ...
    @property
    def known(self) -> Sequence[Event]:
        """Events committed before."""

    @property
    def strays_elsewhere(self) -> frozenset[bytes]:
        """Identities of strays that a neighbouring hour holds."""

    @property
    def journal(self) -> Details: ...


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
    api: UzmanPostaApi, work: Work, *, settle_seconds: float, details: bool = True, tell: Tell = lambda _: None
) -> Collection:
    """What the API has of an hour now, with details; asks only for what is neither committed nor in the journal."""
    before, throttled = replace(api.tally), api.budget.seconds_throttled
    began, listed_at = time.monotonic(), time.time()
    feed, hour = work.feed, work.hour
    if not feed.kind.is_asked_for(hour.start, listed_at):
        raise OutOfRetentionError(feed, hour)

    known = {(event.identity, event.listing): event for event in work.known if event.detail in _SETTLED}

    owed = {event.identity for event in work.known if event.detail.is_owed}

    def lacking(rows: Iterable[tuple[int, Row]]) -> list[tuple[int, Row]]:
        """The mails whose detail is not here, those that could not be had before first."""
        lacking = [
            (at, row)
            for at, row in rows
            if row.queue_id is not None and row.version not in known and work.journal.get(*row.version) is None
        ]
        return sorted(lacking, key=lambda pair: pair[1].identity not in owed)

    with DetailFetch(api, keep=lambda row, raw: work.journal.record(*row.version, raw)) as fetch:

        def ask(first: int, last: int) -> Sequence[Row]:
            page = api.rows(feed, first, last)
            if details:  # whatever the listing makes of the page, these mails are in the hour
                fetch.want(lacking((row.time, row) for row in page if row.time is not None and hour.holds(row.time)))
            return page

        listing = list_window(ask, hour.start, hour.end, api.access.page_limit)
        rows, strays = rows_of_hour(listing, work.strays_elsewhere)
        if details:
            fetch.want(lacking(rows))
        fetch.finish(lambda done, wanted: tell(Progress(len(rows), done, wanted)))
    listed_at, notes = _by_the_apis_clock(listed_at, api.time_at(began))
    events = [_event(at, row, known, work.journal, fetch.failed) for at, row in rows]
    mails = {row.version for _, row in rows if row.queue_id is not None}
    return Collection(
        events=events,
        strays=frozenset(row.identity for row in strays),
        gaps=listing.gaps,
        listed_at=listed_at,
        closed=listed_at >= hour.end + settle_seconds,
        notes=notes,
        measures={
            "list_calls": api.tally.lists - before.lists,
            "detail_calls": api.tally.details - before.details,
            "api_calls": api.tally.lists + api.tally.details - before.lists - before.details,
            "retries": api.tally.retries - before.retries,
            "details_reused": max(0, len(mails) - len(fetch)) if details else 0,
            "throttle_seconds": round(api.budget.seconds_throttled - throttled, 3),
            "api_seconds": round(api.tally.seconds - before.seconds, 3),
            "collect_seconds": round(time.monotonic() - began, 3),
        },
    )


_SETTLED: Final = (Detail.WHOLE, Detail.PURGED)


def _by_the_apis_clock(listed_at: float, theirs: float | None) -> tuple[float, tuple[str, ...]]:
    """When the listing began, by the clock that decides which events can be there yet.

    Both are times of that one moment: what is done to this machine's clock later in the run changes nothing.
    """
    if theirs is None or abs(ahead := listed_at - theirs) <= CLOCKS_AGREE_WITHIN:
        return listed_at, ()
    way = "ahead of" if ahead > 0 else "behind"
    note = f"This machine's clock is {abs(ahead):,.0f} s {way} the API's, which decides here. Set the clock (NTP)."
    return theirs, (note,)


def rows_of_hour(listing: Listing[Row], held_elsewhere: frozenset[bytes]) -> tuple[list[tuple[int, Row]], list[Row]]:
    """The rows of the hour in order, and those of them that nothing but this hour's holding them keeps from another.

    Those are rows with a time outside the window, and rows without a time that stand before the first or behind the
    last that has one: only there can the windows of two hours show the same row.
    """
    timed = [place for place, (_, row) in enumerate(listing.rows) if row.time is not None]
    first, last = (timed[0], timed[-1]) if timed else (len(listing.rows), -1)
    anywhere = [pair for place, pair in enumerate(listing.rows) if not first <= place <= last]
    anywhere = [pair for pair in (*anywhere, *listing.strays) if pair[1].identity not in held_elsewhere]
    rows = sorted([*listing.rows[first : last + 1], *anywhere], key=lambda pair: pair[0])
    return rows, [row for _, row in anywhere]


def _event(
    at: int,
    row: Row,
    known: Mapping[tuple[bytes, bytes], Event],
    journal: Details,
    failed: Mapping[Row, Detail],
) -> Event:
    if row.queue_id is None:
        return Event(at, row.identity, row.content, Detail.WHOLE, row.raw)
    if row.version in known:
        return known[row.version]
    detail = journal.get(*row.version)
    if detail is not None:
        return Event(at, row.identity, row.content, Detail.WHOLE, detail)
    return Event(at, row.identity, row.content, failed.get(row, Detail.UNASKED), row.raw)
