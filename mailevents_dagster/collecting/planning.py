"""Which hours of which feeds are due, and in which runs. Pure: cursors, clock and runs under way in, requests out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from typing import Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between
from mailevents_dagster.store.cursors import SAME_TRY, UNFINISHED, Cursor, Failure, Span, gaps, hours_in, merged

GRACE: Final = 300
"""Seconds past its settling that an hour is left to the schedule, which closes it at that very moment."""
SOON_FORGOTTEN: Final = 86_400
"""Seconds before the API forgets an hour in which it goes before all others."""
FEED_HOURS_A_RUN: Final = 250
"""Work that makes another run worth the four seconds that it takes to start."""
FIRST_WAIT: Final = 300.0
LONGEST_WAIT: Final = 6 * 3600.0
FIRST_WAIT_REFUSED: Final = 3600.0
LONGEST_WAIT_REFUSED: Final = 86_400.0
ASKED_AGAIN: Final = 86_400
"""Seconds after which one of the hours that the API refused as too old is asked for again: it may look back further."""
CLOCKS_AGREE_WITHIN: Final = 60.0
"""Seconds that clocks may differ and decide alike, as they do when an hour is collected."""
REFUSED: Final = "permission"
"""The cause of a failure that only somebody can mend: the key is not accepted, or may not see this."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """What planning knows of a feed."""

    feed: Feed
    account_start: int
    cursor: Cursor | None
    """None where it cannot be read: the next collection makes it anew, until then nothing is caught up."""
    kept_days: int | None = None
    """How long retention keeps its hours; None: for ever."""

    @property
    def start(self) -> int:
        """Its first hour: that of its account, or the cursor's where that is later."""
        own = self.cursor.first if self.cursor else None
        return self.account_start if own is None else max(self.account_start, own)

    @property
    def reach(self) -> float | None:
        """How far back it is asked for, in seconds: less where the API refused hours that it should have."""
        days = self.feed.kind.asked_days
        known = [] if days is None else [days * 86_400.0]
        learnt = [self.cursor.refused.age - 1] if self.cursor and self.cursor.refused else []
        return min(known + learnt, default=None)

    def is_given(self, start: int, now: float) -> bool:
        """Whether the API gives an hour that began then, by all that is known."""
        return self.reach is None or start >= self.by_the_api(now) - self.reach

    def by_the_api(self, now: float) -> float:
        """The time by the API's clock, which decides what is over, what has settled and what it still has."""
        ahead = self.cursor.clock if self.cursor else 0.0
        return now + ahead if abs(ahead) > CLOCKS_AGREE_WITHIN else now


@dataclass(frozen=True, slots=True)
class UnderWay:
    """What is being done already."""

    held: frozenset[Feed] = frozenset()
    """Feeds of runs that wait or go on."""
    runs: int = 0
    """Runs of the sensor's own among them, those that follow left out."""
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
    grace_seconds: float = GRACE
    feed_hours_a_run: int = FEED_HOURS_A_RUN
    """Work of one run, where there is room for several."""
    first_wait: float = FIRST_WAIT
    """Seconds after a first failure; twice that after a second."""


@dataclass(frozen=True, slots=True, order=True)
class Ask:
    """A run: these hours of these feeds."""

    first: int
    end: int
    feeds: tuple[Feed, ...]

    @property
    def feed_hours(self) -> int:
        """How many hours that is, each counted once a feed."""
        return hours_in([(self.first, self.end)]) * len(self.feeds)


@dataclass(frozen=True, slots=True)
class Plan:
    """What one look at the clock comes to."""

    asks: tuple[Ask, ...]
    follow: tuple[Feed, ...]
    """Feeds whose hour now running can be collected."""
    waiting: Mapping[Feed, float]
    """Feeds that keep failing, and until when each is left alone."""
    behind: int
    """Hours that are due and not asked for yet, over all feeds."""
    held: int
    """Feeds with a run under way."""
    forgotten: int
    """Hours that were never collected and that the API no longer has, over all feeds."""
    next_due: int
    """When the next hour can be closed."""


def plan(states: Sequence[FeedState], under_way: UnderWay, now: float, rules: Rules) -> Plan:
    """What to ask for now: what the API forgets soon first, then the newest hours, then what lies behind them."""
    waiting = {
        state.feed: until
        for state in states
        if state.feed not in under_way.held
        and (until := waits_until(state.cursor, under_way, now, rules.first_wait)) > now
    }
    proposals: defaultdict[tuple[bool, Span], list[Feed]] = defaultdict(list)
    behind = forgotten = 0
    for state in states:
        if state.cursor is None or state.feed in waiting:
            continue
        forgotten += hours_in(forgotten_hours(state, now, rules))
        due = _due(state, state.cursor, under_way.backfills.get(state.feed, ()), now, rules)
        behind += hours_in(due)
        if due and state.feed not in under_way.held:
            proposals[_chunk(state, due, now, rules.hours_per_run)].append(state.feed)
    asks = tuple(_asks(proposals, rules.max_parallel_runs - under_way.runs, rules.feed_hours_a_run))
    return Plan(
        asks=asks,
        follow=tuple(state.feed for state in states if state.feed not in waiting),
        waiting=waiting,
        behind=behind - sum(ask.feed_hours for ask in asks),
        held=sum(state.feed in under_way.held for state in states),
        forgotten=forgotten,
        next_due=min((_next_due(state, now, rules) for state in states), default=_closes_next(now, rules)),
    )


def _next_due(state: FeedState, now: float, rules: Rules) -> int:
    """When the feed's next hour can be closed, by this machine's clock."""
    theirs = state.by_the_api(now)
    return round(_closes_next(theirs, rules) - theirs + now)


def _closes_next(now: float, rules: Rules) -> int:
    return round(closing_end(now, rules) + SECONDS + rules.settle_seconds + rules.grace_seconds)


def closing_end(now: float, rules: Rules) -> int:
    """The end of the newest hour that is settled, and was left to the schedule for long enough."""
    return Hour.containing(now - rules.settle_seconds - rules.grace_seconds, rules.timezone).start


def hours_to_follow(start: int, now: float, rules: Rules) -> list[Hour]:
    """The hour now running, and those before it that are not settled; none from before the feed's start."""
    first = Hour.containing(now - rules.settle_seconds, rules.timezone).start
    return list(hours_between(max(start, first), Hour.containing(now, rules.timezone).end, rules.timezone))


def waits_until(cursor: Cursor | None, under_way: UnderWay, now: float, first_wait: float = FIRST_WAIT) -> float:
    """When a feed that keeps failing is tried again; zero for one that does not."""
    if cursor is None or not cursor.failures_in_a_row or not cursor.failed:
        return 0.0
    newest = max(cursor.failed.values(), key=lambda failure: failure.at)
    if newest.cause == UNFINISHED and under_way.following:  # it may be at this very feed
        return 0.0
    return _tried_again_at(newest, cursor.failures_in_a_row, now, first_wait)


def _tried_again_at(failure: Failure, times: int, now: float, first_wait: float) -> float:
    """When, by what the source said where it said so; at once where this machine's clock was set back since."""
    if failure.at > now + SAME_TRY:
        return 0.0
    if failure.until is not None:
        return failure.until
    refused = failure.cause == REFUSED
    first, longest = (FIRST_WAIT_REFUSED, LONGEST_WAIT_REFUSED) if refused else (first_wait, LONGEST_WAIT)
    return failure.at + min(longest, first * 2.0 ** min(times - 1, 30))


def begins(state: FeedState, now: float, rules: Rules) -> int:
    """The feed's first hour that retention keeps: older ones are not collected only to be destroyed."""
    return _first_hour(state, _seconds(state.kept_days), now, rules)


def kept_from(state: FeedState, now: float, rules: Rules) -> int:
    """The feed's first hour that the API still has, of those that retention keeps."""
    return max(begins(state, now, rules), _first_hour(state, state.reach, now, rules))


def wanted_from(state: FeedState, now: float, rules: Rules) -> int:
    """The feed's first hour that is caught up by itself."""
    return max(kept_from(state, now, rules), _first_hour(state, _seconds(rules.catch_up_days), now, rules))


def refused_hour(state: FeedState, now: float, rules: Rules) -> list[Hour]:
    """The newest missing hour of those that the API refused as too old, once a day: it may look back further by now.

    It is followed, not caught up: that it is refused again is no failure of a run.
    """
    cursor = state.cursor
    if cursor is None or not cursor.refused or 0 <= now - cursor.refused.at < ASKED_AGAIN:
        return []
    before = replace(state, cursor=replace(cursor, refused=None))
    beyond = wanted_from(before, now, rules), wanted_from(state, now, rules)
    return [Hour(end - SECONDS, rules.timezone) for _, end in [*gaps(beyond, cursor.done_with)][-1:]]


def forgotten_hours(state: FeedState, now: float, rules: Rules) -> Iterator[Span]:
    """Hours that were never collected, and that the API no longer has or refuses as too old."""
    end = min(kept_from(state, now, rules), closing_end(state.by_the_api(now), rules))
    return gaps((begins(state, now, rules), end), state.cursor.closed if state.cursor else ())


def _seconds(days: int | None) -> int | None:
    return None if days is None else days * 86_400


def _first_hour(state: FeedState, age: float | None, now: float, rules: Rules) -> int:
    """The feed's first hour that began no more than so many seconds ago."""
    if age is None:
        return state.start
    oldest = state.by_the_api(now) - age
    hour = Hour.containing(oldest, rules.timezone)
    return max(state.start, hour.start if hour.start >= oldest else hour.end)


def _due(state: FeedState, cursor: Cursor, asked: Iterable[Span], now: float, rules: Rules) -> list[Span]:
    """Spans of hours that are not done with, nor asked for by somebody, nor waiting after a failure; oldest first."""
    failed = [
        (hour, hour + SECONDS)
        for hour, failure in cursor.failed.items()
        if _tried_again_at(failure, failure.times, now, rules.first_wait) > now
    ]
    covered = merged((*cursor.done_with, *asked, *failed))
    return list(gaps((wanted_from(state, now, rules), closing_end(state.by_the_api(now), rules)), covered))


def _chunk(state: FeedState, due: Sequence[Span], now: float, hours: int) -> tuple[bool, Span]:
    """The hours of a feed that come next, and whether they are in a hurry."""
    oldest, newest = due[0], due[-1]
    if state.reach is not None and oldest[0] + state.reach - state.by_the_api(now) < SOON_FORGOTTEN:
        return True, (oldest[0], min(oldest[1], oldest[0] + hours * SECONDS))
    return False, (max(newest[0], newest[1] - hours * SECONDS), newest[1])


def _asks(proposals: Mapping[tuple[bool, Span], list[Feed]], slots: int, feed_hours_a_run: int) -> Iterator[Ask]:
    """Runs for as many proposals as there is room for; large ones are divided by accounts."""
    for urgent, (first, end) in sorted(proposals, key=_precedence):
        if slots <= 0:
            return
        feeds = proposals[urgent, (first, end)]
        parts = min(slots, ceil(len(feeds) * hours_in([(first, end)]) / feed_hours_a_run))
        for part in divided(feeds, parts):
            slots -= 1
            yield Ask(first, end, tuple(part))


def _precedence(proposal: tuple[bool, Span]) -> tuple[bool, int, int]:
    """What is in a hurry goes first, and of that the oldest; of the rest the newest."""
    urgent, (first, end) = proposal
    return (False, first, end) if urgent else (True, -end, first)


def divided(feeds: Collection[Feed], parts: int) -> Iterable[list[Feed]]:
    """The feeds in so many parts of about one size, those of an account together: their calls share one budget."""
    accounts: defaultdict[str, list[Feed]] = defaultdict(list)
    for feed in feeds:
        accounts[feed.domain].append(feed)
    bins: list[list[Feed]] = [[] for _ in range(min(parts, len(accounts)))]
    for account in sorted(accounts.values(), key=len, reverse=True):
        min(bins, key=len).extend(account)
    return bins
