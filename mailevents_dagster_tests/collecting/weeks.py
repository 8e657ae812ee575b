"""Weeks on a clock of their own: what happens in them, and store, daemon and API as far as planning sees them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from math import ceil
from random import Random
from zoneinfo import ZoneInfo

import hypothesis.strategies as st

from mailevents_dagster.collecting.planning import FeedState, Plan, UnderWay, closing_end, hours_to_follow, plan
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster_tests.collecting.planned import RULES, hours_of, manifest_of

TICK = 300
DAY = 288
"""Ticks a day."""
WEEK, CALM = 7 * DAY, 3 * DAY
WEEKS = [
    ("UTC", "2024-12-28"),
    ("Europe/Istanbul", "2016-03-24"),
    ("America/New_York", "2024-10-31"),
    ("Australia/Lord_Howe", "2024-04-04"),
]
QUARANTINE = feed_of("a.example", "quarantine/hold")
OTHERS = [
    feed_of("a.example", "mail/incominglog"),
    feed_of("b.example", "mail/incominglog"),
    feed_of("b.example", "authentication"),
    feed_of("c.example", "mail/outgoinglog"),
    feed_of("c.example", "quarantine/quarantine"),
]

spells = st.tuples(st.integers(0, WEEK), st.integers(1, DAY)).map(lambda spell: range(spell[0], sum(spell)))


@dataclass(frozen=True)
class Script:
    """What happens in a week; times are in ticks."""

    week: tuple[str, str]
    others: int
    days_behind: int
    daemon_down: list[range]
    api_down: list[range]
    refused: dict[Feed, range]
    poisoned: dict[Feed, int]
    """An hour of the week that fails until the calm."""
    unreadable: list[tuple[int, Feed]]
    parallel: int
    one_run_in_crashes: int
    slowest: int
    seed: int


scripts = st.builds(
    Script,
    week=st.sampled_from(WEEKS),
    others=st.integers(2, len(OTHERS)),
    days_behind=st.integers(0, 8),
    daemon_down=st.lists(spells, max_size=3),
    api_down=st.lists(spells, max_size=2),
    refused=st.dictionaries(st.sampled_from([QUARANTINE, *OTHERS]), spells, max_size=2),
    poisoned=st.dictionaries(st.sampled_from([QUARANTINE, *OTHERS]), st.integers(40, 160), max_size=2),
    unreadable=st.lists(st.tuples(st.integers(0, WEEK), st.sampled_from([QUARANTINE, *OTHERS])), max_size=3),
    parallel=st.integers(1, 4),
    one_run_in_crashes=st.sampled_from([4, 20, 100]),
    slowest=st.integers(1, 20),
    seed=st.integers(0, 2**32),
)


@dataclass
class Run:
    """Hours of feeds that are collected one by one, feed beside feed, in so many ticks."""

    left: dict[Feed, deque[Hour]]
    ticks: int
    kind: str
    crashes_at: int | None
    age: int = 0
    begun: dict[Feed, Hour] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.sizes = {feed: len(hours) for feed, hours in self.left.items()}


class World:
    """Store, daemon and API of a script, as far as planning sees them."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.random = Random(script.seed)
        zone, day = script.week
        self.zone = zone
        self.began = int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp()) + 17
        self.rules = replace(RULES, timezone=zone, max_parallel_runs=script.parallel)
        self.feeds = [QUARANTINE, *OTHERS[: script.others]]
        self.start = Hour.containing(self.began - script.days_behind * 86_400, zone).start
        self.cursors = dict.fromkeys(self.feeds, Cursor())
        self.unreadable: set[Feed] = set()
        self.runs: list[Run] = []
        self.locks: set[tuple[Feed, Hour]] = set()
        self.number = 0
        self.closing = closing_end(self.began, self.rules)
        self.asked = Counter[Feed]()
        """Runs that had the feed, those that follow left out."""
        self.failures = Counter[Feed]()
        """Hours that runs failed at."""

    @property
    def now(self) -> int:
        return self.began + self.number * TICK

    @property
    def calm(self) -> bool:
        return self.number >= WEEK

    # --- collecting

    def begin(self, kind: str, hours: dict[Feed, list[Hour]]) -> None:
        ticks = self.random.randint(1, 3 if self.calm or kind == "follow" else self.script.slowest)
        crashes = not self.calm and self.random.randrange(self.script.one_run_in_crashes) == 0
        left = {feed: deque(some) for feed, some in hours.items() if some}
        self.runs.append(Run(left, ticks, kind, self.random.randrange(ticks) if crashes else None))
        for feed in left:
            self.begin_next(self.runs[-1], feed)

    def begin_next(self, run: Run, feed: Feed) -> None:
        """Begins the feed's next hour, if nobody collects it; a follow round steps aside, others wait."""
        hours = run.left[feed]
        while run.kind == "follow" and hours and (feed, hours[0]) in self.locks:
            hours.popleft()
        if hours and (feed, hours[0]) not in self.locks:
            run.begun[feed] = hours[0]
            self.locks.add((feed, hours[0]))
            self.change(feed, lambda cursor: cursor.begun(hours[0], self.now))

    def change(self, feed: Feed, change: Callable[[Cursor], Cursor]) -> None:
        """As the store does it: a cursor that cannot be read is made anew, and knows of no failures then."""
        cursor = self.cursors[feed]
        if feed in self.unreadable:
            self.unreadable.remove(feed)
            cursor = Cursor(cursor.closed, cursor.open)
        self.cursors[feed] = change(cursor)

    def go_on(self, run: Run) -> None:
        run.age += 1
        if run.crashes_at is not None and run.age > run.crashes_at:
            for feed in run.begun:
                self.note_failure(run, feed)
            self.locks -= set(run.begun.items())
            self.runs.remove(run)
            return
        for feed in run.left:
            while run.left[feed] and run.sizes[feed] - len(run.left[feed]) < run.sizes[feed] * run.age / run.ticks:
                if feed not in run.begun:
                    self.begin_next(run, feed)
                if feed not in run.begun:
                    break
                self.finish(run, feed)
                self.begin_next(run, feed)
        if not any(run.left.values()):
            self.runs.remove(run)

    def finish(self, run: Run, feed: Feed) -> None:
        hour = run.begun.pop(feed)
        self.locks.remove((feed, hour))
        run.left[feed].popleft()
        if cause := self.why_not(feed, hour):
            self.note_failure(run, feed)
            self.change(feed, lambda cursor: cursor.ended(hour, self.now, cause, ""))
            if cause == "permission" or run.kind == "follow":
                run.left[feed].clear()
            return
        closed = run.kind != "follow" and self.now >= hour.end + self.rules.settle_seconds
        manifest = manifest_of(feed, hour, closed=closed, listed_at=self.now)
        self.change(feed, lambda cursor: cursor.committed(manifest, self.now))

    def note_failure(self, run: Run, feed: Feed) -> None:
        if run.kind != "follow":
            self.failures[feed] += 1

    def why_not(self, feed: Feed, hour: Hour) -> str | None:
        """How the API answers that does not give the hour."""
        if feed.kind.kept_days and hour.start < self.now - feed.kind.kept_days * 86_400:
            return "retention"
        if self.calm:
            return None
        if any(self.number in spell for spell in self.script.api_down):
            return "server"
        if self.number in self.script.refused.get(feed, ()):
            return "permission"
        poisoned = self.script.poisoned.get(feed)
        return "protocol" if poisoned is not None and hour.holds(self.began + poisoned * SECONDS) else None

    # --- the daemon

    def tick(self) -> Plan | None:
        self.number += 1
        for run in list(self.runs):
            self.go_on(run)
        self.unreadable |= {feed for at, feed in self.script.unreadable if at == self.number} & set(self.feeds)
        up = self.calm or not any(self.number in spell for spell in self.script.daemon_down)
        ended = Hour.containing(self.now - self.rules.settle_seconds, self.zone).start
        if ended != self.closing:
            self.closing = ended
            if up:
                self.look()  # the schedule's
        return self.look() if up else None

    @property
    def held(self) -> frozenset[Feed]:
        return frozenset(feed for run in self.runs if run.kind != "follow" for feed in run.left)

    def collect(self, kind: str, hours: dict[Feed, list[Hour]]) -> None:
        for run in self.runs:
            if run.kind != "follow":
                for feed in hours.keys() & run.left.keys():
                    assert not set(hours[feed]) & {*run.left[feed], *run.begun.values()}, "in two runs at once"
        self.begin(kind, hours)

    def look(self) -> Plan:
        """The sensor, or the schedule."""
        following = any(run.kind == "follow" for run in self.runs)
        own = sum(run.kind == "catching up" for run in self.runs)
        states = [
            FeedState(feed, self.start, None if feed in self.unreadable else self.cursors[feed]) for feed in self.feeds
        ]
        made = plan(states, UnderWay(self.held, own, following), self.now, self.rules)
        if made.follow and not following:
            followed = hours_to_follow(self.start, self.now, self.rules)
            self.begin("follow", dict.fromkeys(made.follow, followed))
        for kind, asks in (("catching up", made.asks), ("closing", made.closing)):
            for ask in asks:
                assert self.held.isdisjoint(ask.feeds)
                self.asked.update(ask.feeds)
                self.collect(kind, {feed: [*hours_of((ask.first, ask.end), self.zone)] for feed in ask.feeds})
        assert sum(run.kind == "catching up" for run in self.runs) <= self.rules.max_parallel_runs
        return made


def most_runs(world: World, feed: Feed) -> int:
    """The runs that a feed can need: one for each hour that ends, for each day before, and for what failed.

    An hour that failed is left for later, and so are those behind it in its run.
    """
    ended = (WEEK + CALM) * TICK // SECONDS + 1
    before = ceil(((world.began - world.start) // SECONDS + 1) / world.rules.hours_per_run)
    return ended + before + 2 * world.failures[feed]
