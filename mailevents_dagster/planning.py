"""Which hours of which feeds are due, and in which runs. Pure: cursors, clock and runs under way in, requests out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Final

from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import SECONDS, Hour, hours_between
from mailevents_dagster.store.cursors import UNFINISHED, Cursor, Failure, Span, gaps, hours_in, merged

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
REFUSED: Final = "permission"
"""The cause of a failure that only somebody can mend: the key is not accepted, or may not see this."""


@dataclass(frozen=True, slots=True)
class FeedState:
    """What planning knows of a feed."""

    feed: Feed
    account_start: int
    cursor: Cursor | None
    """None where it cannot be read: the next collection makes it anew, until then nothing is caught up."""

    @property
    def start(self) -> int:
        """Its first hour: that of its account, or the cursor's where that is later."""
        own = self.cursor.first if self.cursor else None
        return self.account_start if own is None else max(self.account_start, own)


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
    grace_seconds: int = GRACE
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
    end = closing_end(now, rules)
    waiting = {
        state.feed: until
        for state in states
        if state.feed not in under_way.held and (until := waits_until(state.cursor, under_way, rules.first_wait)) > now
    }
    proposals: defaultdict[tuple[bool, Span], list[Feed]] = defaultdict(list)
    behind = forgotten = 0
    for state in states:
        if state.cursor is None or state.feed in waiting:
            continue
        kept = kept_from(state, now, rules)
        forgotten += hours_in(gaps((state.start, min(kept, end)), state.cursor.closed))
        asked = under_way.backfills.get(state.feed, ())
        due = list(_due(state.cursor, (wanted_from(state, now, rules), end), asked, now, rules))
        behind += hours_in(due)
        if due and state.feed not in under_way.held:
            proposals[_chunk(state.feed, due, now, rules.hours_per_run)].append(state.feed)
    asks = tuple(_asks(proposals, rules.max_parallel_runs - under_way.runs, rules.feed_hours_a_run))
    return Plan(
        asks=asks,
        follow=tuple(state.feed for state in states if state.feed not in waiting),
        waiting=waiting,
        behind=behind - sum(ask.feed_hours for ask in asks),
        held=sum(state.feed in under_way.held for state in states),
        forgotten=forgotten,
        next_due=end + SECONDS + rules.settle_seconds + rules.grace_seconds,
    )


def closing_end(now: float, rules: Rules) -> int:
    """The end of the newest hour that is settled, and was left to the schedule for long enough."""
    return Hour.containing(now - rules.settle_seconds - rules.grace_seconds, rules.timezone).start


def hours_to_follow(start: int, now: float, rules: Rules) -> list[Hour]:
    """The hour now running, and those before it that are not settled; none from before the feed's start."""
    first = Hour.containing(now - rules.settle_seconds, rules.timezone).start
    return list(hours_between(max(start, first), Hour.containing(now, rules.timezone).end, rules.timezone))


def waits_until(cursor: Cursor | None, under_way: UnderWay, first_wait: float = FIRST_WAIT) -> float:
    """When a feed that keeps failing is tried again; zero for one that does not."""
    if cursor is None or not cursor.failures_in_a_row or not cursor.failed:
        return 0.0
    newest = max(cursor.failed.values(), key=lambda failure: failure.at)
    if newest.cause == UNFINISHED and under_way.following:  # it may be at this very feed
        return 0.0
    return _tried_again_at(newest, cursor.failures_in_a_row, first_wait)


def _tried_again_at(failure: Failure, times: int, first_wait: float) -> float:
    refused = failure.cause == REFUSED
    first, longest = (FIRST_WAIT_REFUSED, LONGEST_WAIT_REFUSED) if refused else (first_wait, LONGEST_WAIT)
    return failure.at + min(longest, first * 2.0 ** min(times - 1, 30))


def kept_from(state: FeedState, now: float, rules: Rules) -> int:
    """The feed's first hour that the API still has."""
    return _first_hour(state, state.feed.kind.asked_days, now, rules)


def wanted_from(state: FeedState, now: float, rules: Rules) -> int:
    """The feed's first hour that is caught up by itself."""
    return max(kept_from(state, now, rules), _first_hour(state, rules.catch_up_days, now, rules))


def _first_hour(state: FeedState, days: int | None, now: float, rules: Rules) -> int:
    """The feed's first hour that is not older than so many days."""
    if days is None:
        return state.start
    oldest = now - days * 86_400
    hour = Hour.containing(oldest, rules.timezone)
    return max(state.start, hour.start if hour.start >= oldest else hour.end)


def _due(cursor: Cursor, within: Span, asked: Iterable[Span], now: float, rules: Rules) -> Iterator[Span]:
    """Spans of hours that are not closed, nor asked for by somebody, nor waiting after a failure; oldest first."""
    failed = [
        (hour, hour + SECONDS)
        for hour, failure in cursor.failed.items()
        if _tried_again_at(failure, failure.times, rules.first_wait) > now
    ]
    covered = merged((*cursor.closed, *asked, *failed))
    return gaps(within, covered)


def _chunk(feed: Feed, due: Sequence[Span], now: float, hours: int) -> tuple[bool, Span]:
    """The hours of a feed that come next, and whether they are in a hurry."""
    kept = feed.kind.asked_days
    oldest, newest = due[0], due[-1]
    if kept is not None and oldest[0] + kept * 86_400 - now < SOON_FORGOTTEN:
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
