"""What each feed has, from the stored cursors: how far it is, what is missing, what keeps failing. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import SECONDS, Hour, last_ended
from mailevents_dagster.planning import FeedState, kept_from
from mailevents_dagster.settings import Settings
from mailevents_dagster.states import rules_of, states_of, store_of
from mailevents_dagster.store.cursors import Cursor, gaps, hours_in, write_cursor


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """One feed in numbers."""

    feed: str
    closed_until: str | None
    """The newest closed hour."""
    closed_hours: int
    missing_hours: int
    """Hours that ended and settled and are not closed."""
    oldest_missing: str | None
    forgotten_hours: int
    """Hours that were never collected and that the API no longer has."""
    failing_hours: int
    last_failure: str | None
    readable: bool


def statuses(settings: Settings, now: float) -> Iterator[FeedStatus]:
    """The status of every feed, in the order of the settings."""
    store = store_of(settings)
    end = last_ended(now - settings.collect.settle_minutes * 60, settings.timezone).end
    rules = rules_of(settings)
    for state in states_of(settings, store):
        yield _status(state, kept_from(state, now, rules), end, settings.timezone)


def _status(state: FeedState, kept: int, end: int, timezone: str) -> FeedStatus:
    known = state.cursor or Cursor()
    missing = list(gaps((kept, end), known.closed))
    newest = max(known.failed.values(), key=lambda failure: failure.at, default=None)
    return FeedStatus(
        feed=str(state.feed),
        closed_until=Hour(known.closed[-1][1] - SECONDS, timezone).key if known.closed else None,
        closed_hours=hours_in(known.closed),
        missing_hours=hours_in(missing),
        oldest_missing=Hour(missing[0][0], timezone).key if missing else None,
        forgotten_hours=hours_in(gaps((state.start, min(kept, end)), known.closed)),
        failing_hours=len(known.failed),
        last_failure=f"{newest.cause}: {newest.said}" if newest else None,
        readable=state.cursor is not None,
    )


def rebuild_cursors(settings: Settings) -> Sequence[Feed]:
    """Makes the cursors of all feeds anew from their manifests; what was noted of failures is forgotten.

    A feed's own first hour, which no manifest knows, is kept where its cursor can be read.
    """
    store = store_of(settings)
    for feed in settings.feeds:
        with store.writing(feed):
            before = store.readable_cursor(feed)
            cursor = replace(store.cursor_of_manifests(feed), first=before.first if before else None)
            write_cursor(store.layout.cursor(feed), cursor, store.timezone)
    return settings.feeds
