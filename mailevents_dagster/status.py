"""What each feed has, from the stored cursors: how far it is, what is missing, what keeps failing. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import SECONDS, Hour, last_ended
from mailevents_dagster.planning import FeedState, Rules, begins, kept_from
from mailevents_dagster.settings import Settings
from mailevents_dagster.states import rules_of, states_of, store_of
from mailevents_dagster.store.cursors import Cursor, Span, gaps, write_cursor


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
    for state in states_of(settings, store):
        yield _status(state, now, rules_of(settings), end)


def _status(state: FeedState, now: float, rules: Rules, end: int) -> FeedStatus:
    kept, timezone = kept_from(state, now, rules), rules.timezone
    known = state.cursor or Cursor()
    missing = list(gaps((kept, end), known.closed))
    newest = max(known.failed.values(), key=lambda failure: failure.at, default=None)
    return FeedStatus(
        feed=str(state.feed),
        closed_until=Hour(known.closed[-1][1] - SECONDS, timezone).key if known.closed else None,
        closed_hours=_hours(known.closed),
        missing_hours=_hours(missing),
        oldest_missing=Hour(missing[0][0], timezone).key if missing else None,
        forgotten_hours=_hours(gaps((begins(state, now, rules), min(kept, end)), known.closed)),
        failing_hours=len(known.failed),
        last_failure=f"{newest.cause}: {newest.said}" if newest else None,
        readable=state.cursor is not None,
    )


def _hours(spans: Iterable[Span]) -> int:
    return sum(end - first for first, end in spans) // SECONDS


def rebuild_cursors(settings: Settings) -> Sequence[Feed]:
    """Makes the cursors of all feeds anew from their manifests; what was noted of failures is forgotten."""
    store = store_of(settings)
    for feed in settings.feeds:
        with store.writing(feed):
            write_cursor(store.layout.cursor(feed), store.cursor_of_manifests(feed), store.timezone)
    return settings.feeds
