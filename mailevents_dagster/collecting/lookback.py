"""Looking back: closed hours that are listed once more each day, for events that came late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailevents_dagster.collecting.feed_states import rules_of, states_of
from mailevents_dagster.collecting.planning import closing_end, kept_from
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.store import Store


def last_passed(time_of_day: str, timezone: str, now: float) -> float:
    """Return when it was this time of day last, such as 03:30."""
    hour, minute = map(int, time_of_day.split(":"))
    today = datetime.fromtimestamp(now, ZoneInfo(timezone)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    passed = today if today.timestamp() <= now else today - timedelta(days=1)
    return passed.timestamp()


def closed_hours(settings: Settings, store: Store, now: float) -> Iterator[tuple[Feed, Cursor, list[Hour]]]:
    """Yield the closed hours of each feed that are listed again, as far as the source still has them."""
    rules = replace(rules_of(settings), grace_seconds=0)
    for state in states_of(settings, store):
        end = closing_end(state.source_time(now), rules)
        first = max(end - settings.collect.lookback_hours * SECONDS, kept_from(state, now, rules))
        cursor = state.cursor or Cursor()
        hours = hours_between(first, end, settings.timezone)
        yield state.feed, cursor, [hour for hour in hours if cursor.is_closed(hour.start)]


def due(settings: Settings, store: Store, now: float) -> list[Feed]:
    """Return the feeds that have not looked back since it was time to.

    A feed that never did counts from the listings of its hours: what was listed since needs no second look yet.
    """
    passed = last_passed(settings.automation.reconcile_at, settings.timezone, now)
    return [
        feed
        for feed, cursor, hours in closed_hours(settings, store, now)
        if any(at < passed for at in _looked_at(store, feed, cursor, hours))
    ]


def _looked_at(store: Store, feed: Feed, cursor: Cursor, hours: Sequence[Hour]) -> Iterator[float]:
    """Yield when these hours were listed last, as far as that is known."""
    for hour in hours:
        if cursor.looked_back_at is not None:
            yield cursor.looked_back_at
        elif manifest := store.readable_manifest(feed, hour):
            yield manifest.listed_at


def note(store: Store, feeds: Sequence[Feed], now: float) -> None:
    """Note that these feeds have looked back."""
    for feed in feeds:
        store.feed_cursor(feed).change_if_whole(lambda cursor: replace(cursor, looked_back_at=now))
