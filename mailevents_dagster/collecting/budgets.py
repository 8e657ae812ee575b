"""How the budget of each owner compares with what arrives. Loads no Dagster."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mailevents_dagster.collecting.feed_states import rules_of
from mailevents_dagster.collecting.pace import Pace, pace_of
from mailevents_dagster.collecting.planning import FeedState, wanted_from
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.cursors import Cursor, gaps, hours_in
from mailevents_dagster.store.store import Store


def paces(settings: Settings, store: Store, states: Sequence[FeedState], now: float) -> Iterator[tuple[str, Pace]]:
    """Yield the pace of each owner with a budget, by the newest closed hours of all feeds that share it."""
    of_feeds: dict[Feed, Pace] = {}
    for source in settings.sources:
        for owner, budget in source.budgets(settings).items():
            pace = Pace(0.0, budget.rate, 0.0)
            for state in states:
                if state.feed.kind.source == source.name and state.feed.domain in budget.owners:
                    if state.feed not in of_feeds:
                        of_feeds[state.feed] = _pace(settings, store, state, now)
                    pace += of_feeds[state.feed]
            yield owner, pace


def _pace(settings: Settings, store: Store, state: FeedState, now: float) -> Pace:
    """Return the pace of a feed; what may be asked for is that of the owner it is added to."""
    if not state.cursor or not state.cursor.closed:
        return Pace(0.0, 0.0, 0.0)
    missing = gaps((wanted_from(state, now, rules_of(settings)), int(state.source_time(now))), state.cursor.closed)
    events = _events_of_newest(store, state.feed, state.cursor)
    return pace_of(state.feed, events, hours_in(missing), 0.0, details=settings.collect.details)


def _events_of_newest(store: Store, feed: Feed, cursor: Cursor) -> int:
    newest = cursor.closed[-1][1] - SECONDS
    if cursor.newest and cursor.newest[0] == newest:
        return cursor.newest[1]
    manifest = store.readable_manifest(feed, Hour(newest, store.timezone))
    return manifest.events if manifest else 0
