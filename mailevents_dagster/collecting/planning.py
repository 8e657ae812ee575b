"""Which hours of which feeds are due, and in which runs. Pure: from cursors, the clock and what is under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final

from mailevents_dagster.collecting.retries import FIRST_WAIT, tried_again_at, waits_until
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between
from mailevents_dagster.store.cursors import Cursor, Span, gaps, hours_in, merged

SOON_FORGOTTEN: Final = 86_400
"""Hours that the source forgets within so many seconds go before all others."""
FEED_HOURS_A_RUN: Final = 250
"""Work that is worth another run, which takes four seconds to start."""
ASKED_AGAIN: Final = 86_400
"""Seconds after which one of the hours that were refused as too old is tried again: the source may reach further."""
CLOCKS_AGREE_WITHIN: Final = 60.0
"""Seconds by which clocks may differ without changing a decision, as when an hour is collected."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """What planning knows of a feed."""

    feed: Feed
    account_start: int
    cursor: Cursor | None
    """None if it cannot be read: nothing is caught up until the next collection makes it anew."""
    kept_days: int | None = None
    """How long retention keeps its hours; None: forever."""
    lacking: Sequence[Span] = ()
    """Hours that feeds of other owners, which it is made of, do not have: they come first."""

    @property
    def start(self) -> int:
        """Return the first hour: the account's, or the cursor's if that is later."""
        own = self.cursor.first if self.cursor else None
        return self.account_start if own is None else max(self.account_start, own)

    @property
    def reach(self) -> float | None:
        """Return how many seconds back the source is asked: less once it refused hours that it should have."""
        days = self.feed.kind.asked_days
        known = [] if days is None else [days * 86_400.0]
        learnt = [self.cursor.refused.age - 1] if self.cursor and self.cursor.refused else []
        return min(known + learnt, default=None)

    def is_given(self, start: int, now: float) -> bool:
        """Return whether the source gives an hour that began then, as far as is known."""
        return self.reach is None or start >= self.source_time(now) - self.reach

    def source_time(self, now: float) -> float:
        """Return the time by the source's clock, which decides what is over, what has settled and what it still has."""
        ahead = self.cursor.clock if self.cursor else 0.0
        return now + ahead if abs(ahead) > CLOCKS_AGREE_WITHIN else now


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What others are doing already."""

    held: frozenset[Feed] = frozenset()
    """Feeds of runs that wait or go on."""
    runs: int = 0
    """How many of these runs were asked for to catch up."""
    following: bool = False
    backfills: Mapping[Feed, Sequence[Span]] = field(default_factory=dict)
    """Hours that somebody asked for and that become runs in time."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How due hours become runs."""

    timezone: str
    settle_seconds: int
    hours_per_run: int
    max_parallel_runs: int
    catch_up_days: int | None = None
    grace_seconds: float = 0.0
    """Seconds after an hour has settled in which nobody minds that it is not closed yet."""
    feed_hours_a_run: int = FEED_HOURS_A_RUN
    """Work of one run, while there is room for several."""
    first_wait: float = FIRST_WAIT
    """Seconds after a first failure; each further one doubles them."""


@dataclass(frozen=True, slots=True, order=True)
class Ask:
    """A run to start: these hours of these feeds."""

    first: int
    end: int
    feeds: tuple[Feed, ...]

    @property
    def feed_hours(self) -> int:
        return hours_in([(self.first, self.end)]) * len(self.feeds)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done at a moment. Hours are counted over all feeds."""

    asks: tuple[Ask, ...]
    closing: tuple[Ask, ...]
    """Hours that settled last, of feeds for whose backlog no further run may be started now: these do not wait."""
    follow: tuple[Feed, ...]
    """Feeds whose running hour can be collected."""
    waiting: Mapping[Feed, float]
    """Feeds that keep failing, and until when each is left alone."""
    behind: int
    """Hours that are due and not asked for yet."""
    held: int
    """Feeds with a run under way."""
    forgotten: int
    """Hours that were never collected and that the source no longer has."""
    next_due: int
    """When the next hour can be closed."""


def plan(states: Sequence[FeedState], under_way: UnderWay, now: float, rules: Rules) -> Plan:
    """Plan what the source forgets soon first, then the newest hours, then those before them."""
    waiting = {
        state.feed: until
        for state in states
        if state.feed not in under_way.held and (until := _waits_until(state, under_way, now, rules)) > now
    }
    proposals: defaultdict[tuple[bool, Span], list[Feed]] = defaultdict(list)
    newest: dict[Feed, tuple[FeedState, int]] = {}
    behind = forgotten = 0
    for state in states:
        if state.cursor is None or state.feed in waiting:
            continue
        forgotten += hours_in(forgotten_hours(state, now, rules))
        due = due_hours(state, state.cursor, under_way.backfills.get(state.feed, ()), now, rules)
        behind += hours_in(due)
        if due and state.feed not in under_way.held:
            proposals[next_chunk(state, due, now, rules.hours_per_run)].append(state.feed)
            newest[state.feed] = state, due[-1][1]
    asks = tuple(_asks(proposals, rules.max_parallel_runs - under_way.runs, rules.feed_hours_a_run))
    closing = tuple(_closing(newest, asks, now, rules))
    clocks_ahead = [state.source_time(now) - now for state in states] or [0.0]
    return Plan(
        asks=asks,
        closing=closing,
        follow=tuple(state.feed for state in states if state.feed not in waiting),
        waiting=waiting,
        behind=behind - sum(ask.feed_hours for ask in (*asks, *closing)),
        held=sum(state.feed in under_way.held for state in states),
        forgotten=forgotten,
        next_due=min(_closes_next(now, ahead, rules) for ahead in clocks_ahead),
    )


def _closes_next(now: float, ahead: float, rules: Rules) -> int:
    """Return when the next hour can be closed, by this machine's clock, if the source's is so many seconds ahead."""
    end = closing_end(now + ahead, rules) + SECONDS
    return round(end + rules.settle_seconds + rules.grace_seconds - ahead)


def closing_end(now: float, rules: Rules) -> int:
    """Return the end of the newest hour that has settled, and whose grace is over."""
    return Hour.containing(now - rules.settle_seconds - rules.grace_seconds, rules.timezone).start


def hours_to_follow(start: int, now: float, rules: Rules) -> list[Hour]:
    """Return the running hour and those before it that have not settled, from the feed's start on."""
    first = Hour.containing(now - rules.settle_seconds, rules.timezone).start
    return list(hours_between(max(start, first), Hour.containing(now, rules.timezone).end, rules.timezone))


def _waits_until(state: FeedState, under_way: UnderWay, now: float, rules: Rules) -> float:
    return waits_until(state.cursor, now, rules.first_wait, is_followed=under_way.following)


def begins(state: FeedState, now: float, rules: Rules) -> int:
    """Return the first hour that retention keeps: older ones are not collected only to be destroyed."""
    return _first_hour(state, now, rules, _seconds(state.kept_days))


def kept_from(state: FeedState, now: float, rules: Rules) -> int:
    """Return the first hour that retention keeps and the source still has."""
    return _first_hour(state, now, rules, _seconds(state.kept_days), state.reach)


def wanted_from(state: FeedState, now: float, rules: Rules) -> int:
    """Return the first hour that is caught up without being asked for."""
    return _first_hour(state, now, rules, _seconds(state.kept_days), state.reach, _seconds(rules.catch_up_days))


def _seconds(days: int | None) -> int | None:
    return None if days is None else days * 86_400


def _first_hour(state: FeedState, now: float, rules: Rules, *most: float | None) -> int:
    """Return the feed's first hour that is no older than any of these ages in seconds; None is no limit."""
    ages = [age for age in most if age is not None]
    if not ages:
        return state.start
    oldest = state.source_time(now) - min(ages)
    hour = Hour.containing(oldest, rules.timezone)
    return max(state.start, hour.start if hour.start >= oldest else hour.end)


def refused_hour(state: FeedState, now: float, rules: Rules) -> list[Hour]:
    """Return, once a day, the newest missing hour that was refused as too old: the source may reach further by now.

    It is followed, not caught up: another refusal does not fail a run.
    """
    cursor = state.cursor
    if cursor is None or not cursor.refused or 0 <= now - cursor.refused.at < ASKED_AGAIN:
        return []
    before = replace(state, cursor=replace(cursor, refused=None))
    refused = wanted_from(before, now, rules), wanted_from(state, now, rules)
    return [Hour(end - SECONDS, rules.timezone) for _, end in [*gaps(refused, cursor.done_with)][-1:]]


def forgotten_hours(state: FeedState, now: float, rules: Rules) -> Iterator[Span]:
    """Return the hours that were never collected and that the source no longer has or refuses as too old."""
    end = min(kept_from(state, now, rules), closing_end(state.source_time(now), rules))
    return gaps((begins(state, now, rules), end), state.cursor.closed if state.cursor else ())


def due_hours(state: FeedState, cursor: Cursor, asked: Iterable[Span], now: float, rules: Rules) -> list[Span]:
    """Return the hours that are not done, asked for by somebody or waiting after a failure, oldest first."""
    failed = [
        (hour, hour + SECONDS)
        for hour, failure in cursor.failed.items()
        if tried_again_at(failure, failure.times, now, rules.first_wait) > now
    ]
    covered = merged((*cursor.done_with, *asked, *failed, *state.lacking))
    return list(gaps((wanted_from(state, now, rules), closing_end(state.source_time(now), rules)), covered))


def next_chunk(state: FeedState, due: Sequence[Span], now: float, hours: int) -> tuple[bool, Span]:
    """Return whether a feed's next hours are urgent, and which they are."""
    oldest, newest = due[0], due[-1]
    if state.reach is not None and oldest[0] + state.reach - state.source_time(now) < SOON_FORGOTTEN:
        return True, (oldest[0], min(oldest[1], oldest[0] + hours * SECONDS))
    return False, (max(newest[0], newest[1] - hours * SECONDS), newest[1])


def _closing(
    newest: Mapping[Feed, tuple[FeedState, int]], asks: Sequence[Ask], now: float, rules: Rules
) -> Iterator[Ask]:
    """Yield the hours that settled last of feeds that no run was found for, a run for each hour.

    Of each feed there is the end of what is due.
    """
    asked = {feed for ask in asks for feed in ask.feeds}
    feeds: defaultdict[int, list[Feed]] = defaultdict(list)
    for feed in newest.keys() - asked:
        state, end = newest[feed]
        if end == closing_end(state.source_time(now), rules):
            feeds[end].append(feed)
    return (Ask(end - SECONDS, end, tuple(sorted(some))) for end, some in sorted(feeds.items()))


def _asks(proposals: Mapping[tuple[bool, Span], list[Feed]], slots: int, feed_hours_a_run: int) -> Iterator[Ask]:
    """Yield as many runs as there are slots, large ones divided by lanes."""
    for urgent, (first, end) in sorted(proposals, key=_precedence):
        if slots <= 0:
            return
        feeds = proposals[urgent, (first, end)]
        parts = min(slots, ceil(len(feeds) * hours_in([(first, end)]) / feed_hours_a_run))
        for part in divided(feeds, parts):
            slots -= 1
            yield Ask(first, end, tuple(part))


def _precedence(proposal: tuple[bool, Span]) -> tuple[bool, int, int]:
    """Sort urgent hours first, the oldest of them before the others; then the newest of the rest."""
    urgent, (first, end) = proposal
    return (False, first, end) if urgent else (True, -end, first)


def divided(feeds: Collection[Feed], parts: int) -> list[list[Feed]]:
    """Divide feeds into parts of similar size. Those of a lane stay together, since they share one budget."""
    lanes: defaultdict[tuple[str, str], list[Feed]] = defaultdict(list)
    for feed in feeds:
        lanes[feed.lane].append(feed)
    bins: list[list[Feed]] = [[] for _ in range(min(parts, len(lanes)))]
    for lane in sorted(lanes.values(), key=len, reverse=True):
        min(bins, key=len).extend(lane)
    return bins
