"""Looking back: closed hours that are listed once more each day, for events that came late.

A source that can list all it has at once is compared with what is stored, too: older hours that lack something are
listed again with the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from mailevents_dagster.collecting.feed_states import rules_of, states_of
from mailevents_dagster.collecting.planning import closing_end, kept_from
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import Finding, Severity, kept_hours


@dataclass(slots=True)
class Comparison:
    """How stored hours differ from what their sources have."""

    lacking: defaultdict[str, set[Hour]] = field(default_factory=lambda: defaultdict(set))
    """Closed hours of each feed that do not hold everything."""
    refused: dict[str, str] = field(default_factory=dict)
    """Why a feed could not be compared."""
    numbers: defaultdict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    """Of each feed how much there is of each kind of difference."""

    def add(self, finding: Finding, timezone: str) -> None:
        if finding.severity is Severity.FAILED:
            self.refused.setdefault(finding.feed, finding.what)
            return
        self.numbers[finding.feed][finding.kind] += finding.number
        if finding.severity is Severity.DIFFERENCE and finding.hour:
            self.lacking[finding.feed].add(Hour.from_key(finding.hour, timezone))

    @property
    def totals(self) -> Counter[str]:
        return sum(self.numbers.values(), Counter())


def last_passed(time_of_day: str, timezone: str, now: float) -> float:
    """Return when it was this time of day last, such as 03:30."""
    hour, minute = map(int, time_of_day.split(":"))
    today = datetime.fromtimestamp(now, ZoneInfo(timezone)).replace(hour=hour, minute=minute, second=0, microsecond=0)
    passed = today if today.timestamp() <= now else today - timedelta(days=1)
    return passed.timestamp()


def closed_hours(settings: Settings, store: Store, now: float) -> Iterator[tuple[Feed, Cursor, list[Hour]]]:
    """Yield the closed hours of each feed that are listed again, as far as the source still has them."""
    rules = rules_of(settings)
    for state in states_of(settings, store):
        end = closing_end(state.source_time(now), rules)
        first = max(end - settings.collect.lookback_hours * SECONDS, kept_from(state, now, rules))
        cursor = state.cursor or Cursor()
        hours = hours_between(first, end, settings.timezone)
        yield state.feed, cursor, [hour for hour in hours if cursor.is_closed(hour.start)]


def differences(settings: Settings, store: Store, feeds: Collection[Feed], now: float) -> Iterator[Finding]:
    """Compare hours, as far back as they are kept, with sources that list all they have at once; yield what differs."""
    rules, states = rules_of(settings), states_of(settings, store)
    for source in settings.sources:
        own = [state for state in states if state.feed in feeds and state.feed.kind.source == source.name]
        if source.compare is None or not source.compares_daily or not own:
            continue
        inventory = Inventory(store.layout, settings.timezone, now)
        spans = [
            (state.feed, kept_from(state, now, rules), closing_end(state.source_time(now), rules)) for state in own
        ]
        hours = [(feed, hour) for feed, first, end in spans for hour in kept_hours(inventory, feed, first, end)]
        for findings, _ in source.compare(settings, store, hours):
            yield from findings


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
