"""The runner: hours of many feeds collected lane by lane side by side, each feed's failures its own."""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.memory import give_back
from mailevents_dagster.collecting.outcomes import (
    Collected,
    Failed,
    Outcome,
    Skipped,
    Task,
    Underway,
    failed,
    step_aside,
)
from mailevents_dagster.model.event import Progress, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.sources.client import Client
from mailevents_dagster.store.lock_names import hour_lock

LANES_AT_ONCE: Final = 16
"""More than two processors can keep busy; they wait for their sources most of the time."""
LOOK_EVERY: Final = 0.5
"""Seconds without an outcome after which the caller hears how far the hour is."""
PATIENCE_AT_STOP: Final = 2.0
More = Callable[[Collection[Feed]], Sequence[Task]]
"""Gives the feeds of a lane, all but those that are left alone, what else they are to collect."""


class Runner:
    """Collects hours: those of a lane one after the other, up to 16 lanes side by side, from `with` on until it ends.

    The next hour of a lane is asked for while the one before waits for its last answers and is committed. So a lane
    has at most two hours open, and they are committed in their order.
    """

    def __init__(
        self,
        collector: Collector,
        client: Callable[[Feed], Client],
        tasks: Sequence[Task],
        *,
        failures_in_a_row: int = 1,
        when_held: Callable[[str], object] = step_aside,
        more: More | None = None,
    ) -> None:
        """After so many passing failures in a row, each of which may take a quarter of an hour, a feed is left alone.

        `when_held` is told where another process has the hour, which is waited for unless that raises. A lane that
        has nothing left goes on with what `more` gives.
        """
        self.collector = collector
        self.failures_in_a_row = failures_in_a_row
        self.when_held = when_held
        self.is_stopped = False
        self.goes_on = more is not None
        self._make_client = client
        self._more = more
        self._tasks = tasks
        self._clients: dict[tuple[str, str], Client] = {}
        lanes: defaultdict[tuple[str, str], list[Task]] = defaultdict(list)
        for task in tasks:
            lanes[task.feed.lane].append(task)
        # Of lanes that are made of others, the first is not begun before all others have ended.
        self._waiting = deque(sorted(lanes.values(), key=_comes_last))
        self._first_lanes = sum(not _comes_last(lane) for lane in lanes.values())
        self._threads = [
            threading.Thread(target=self._work, name="lane", daemon=True) for _ in range(min(LANES_AT_ONCE, len(lanes)))
        ]
        self._lanes_at_work = len(self._threads)
        self._changed = threading.Condition()
        self._news: list[Outcome | Skipped] = []
        self._underway: dict[Feed, Underway] = {}

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Begin nothing more and end what waits, where not everything is done."""
        if self._lanes_at_work:
            self.be_stopped()
            for client in self._clients.values():
                client.stop()
        until = time.monotonic() + PATIENCE_AT_STOP
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what becomes of each hour as it is done. Raise StoppedError at the end where it was stopped."""
        for news in self._each():
            if isinstance(news, Collected | Failed):
                yield news
        if self.is_stopped:
            raise StoppedError("The collection was stopped.")

    def outcomes_of(self, feed: Feed) -> Iterator[Outcome | Underway]:
        """Yield what becomes of each hour asked of a feed, and now and then how far the one is that is waited for."""
        hours = sum(len(task.hours) for task in self._tasks if task.feed == feed)
        for news in self._each():
            if news is None:
                if feed in self._underway:
                    yield self._underway[feed]
            elif news.feed == feed:
                hours -= 1
                if isinstance(news, Collected | Failed):
                    yield news
                if not hours:
                    return
        raise StoppedError(f"{feed}: the collection was stopped.")

    def further_outcomes(self) -> Iterator[Outcome]:
        """Yield what becomes of the hours that lanes go on with."""
        asked = {(task.feed, hour) for task in self._tasks for hour in task.hours}
        return (one for one in self.outcomes() if (one.feed, one.hour) not in asked)

    def _each(self) -> Iterator[Outcome | Skipped | None]:
        """Yield all news in their order, and None each time nothing has come for a while."""
        seen, is_over = 0, False
        while not is_over:
            fresh, is_over = self._news_after(seen)
            seen += len(fresh)
            yield from fresh
            if not fresh:
                yield None

    def _news_after(self, seen: int) -> tuple[Sequence[Outcome | Skipped], bool]:
        """Wait for news, but not for long; return them, and whether they are the last."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._news) > seen or not self._lanes_at_work, LOOK_EVERY)
            return self._news[seen:], not self._lanes_at_work

    def _work(self) -> None:
        """Collect lanes until none is left."""
        try:
            for tasks in iter(self._next_lane, None):
                try:
                    _Lane(self, tasks).collect()
                finally:
                    self._has_ended(tasks)
        finally:
            with self._changed:
                self._lanes_at_work -= 1
                self._changed.notify_all()

    def _next_lane(self) -> Sequence[Task] | None:
        with self._changed:
            self._changed.wait_for(lambda: self.is_stopped or not self._waiting or self._may_begin(self._waiting[0]))
            return self._waiting.popleft() if self._waiting and not self.is_stopped else None

    def _may_begin(self, lane: Sequence[Task]) -> bool:
        return not self._first_lanes or not _comes_last(lane)

    def _has_ended(self, lane: Sequence[Task]) -> None:
        with self._changed:
            self._first_lanes -= not _comes_last(lane)
            self._changed.notify_all()

    def more_of(self, feeds: Collection[Feed]) -> Sequence[Task]:
        """Return what a lane goes on with."""
        return self._more(feeds) if self._more and feeds and not self.is_stopped else ()

    def be_stopped(self) -> None:
        """Begin no further hour, and let no thread wait for its turn."""
        with self._changed:
            self.is_stopped = True
            self._changed.notify_all()

    def client_of(self, feed: Feed) -> Client:
        """Return the client of a feed's lane, and make it where it is the first time."""
        with self._changed:
            if self.is_stopped:
                raise StoppedError("The collection was stopped.")
            if feed.lane not in self._clients:
                self._clients[feed.lane] = self._make_client(feed)
            return self._clients[feed.lane]

    def report(self, feed: Feed, hour: Hour, progress: Progress) -> None:
        self._underway[feed] = Underway(feed, hour, progress)

    def tell(self, news: Outcome | Skipped) -> None:
        with self._changed:
            self._news.append(news)
            self._changed.notify_all()


def _comes_last(lane: Sequence[Task]) -> bool:
    return lane[0].feed.kind.comes_last


@dataclass(frozen=True, slots=True)
class _OpenHour:
    """An hour of a lane, and where its collection stands."""

    feed: Feed
    hour: Hour
    before: threading.Event
    """Set once the hour before has ended."""
    next_may_begin: threading.Event = field(default_factory=threading.Event)
    ended: threading.Event = field(default_factory=threading.Event)


class _Lane:
    """Collects the hours of one lane, each in a thread of its own."""

    def __init__(self, runner: Runner, tasks: Sequence[Task]) -> None:
        self._runner = runner
        self._tasks = tasks
        self._left: set[Feed] = set()
        """Feeds whose other hours would fail as one has."""
        self._failed_in_a_row: Counter[Feed] = Counter()

    def collect(self) -> None:
        """Begin each hour once the one before leaves room, and the one before that has ended."""
        before = threading.Event()
        before.set()
        held: str | None = None
        for feed, hour in self._hours():
            lock = hour_lock(feed, hour)
            if lock == held:  # hours that are days apart share one, and no other process has it
                before.wait()
            held = lock
            opened = _OpenHour(feed, hour, before)
            threading.Thread(target=self._run, args=(opened,), name="hour", daemon=True).start()
            opened.next_may_begin.wait()
            before.wait()
            before = opened.ended
        before.wait()

    def _hours(self) -> Iterator[tuple[Feed, Hour]]:
        feeds, tasks = {task.feed for task in self._tasks}, self._tasks
        while tasks:
            for task in tasks:
                for hour in task.hours:
                    if self._runner.is_stopped:
                        return
                    if task.feed in self._left:
                        self._runner.tell(Skipped(task.feed, hour))
                    else:
                        yield task.feed, hour
            tasks = self._runner.more_of(feeds - self._left)

    def _run(self, opened: _OpenHour) -> None:
        """Collect an hour and tell what became of it, after what became of the hour before."""
        try:
            outcome = self._outcome(opened)
            opened.before.wait()
            self._judge(outcome)
            self._runner.tell(outcome)
        except StoppedError:
            self._runner.be_stopped()
        finally:
            give_back()
            opened.ended.set()
            opened.next_may_begin.set()

    def _outcome(self, opened: _OpenHour) -> Outcome | Skipped:
        feed, hour, runner = opened.feed, opened.hour, self._runner

        def report(progress: Progress) -> None:
            runner.report(feed, hour, progress)
            if progress.next_may_begin:
                opened.next_may_begin.set()

        try:
            client = runner.client_of(feed)
            with runner.collector.hour(client, feed, hour, runner.when_held, report) as (work, found):
                opened.next_may_begin.set()
                opened.before.wait()
                return Collected(feed, hour, work.commit(found), found.measures, (*work.notes, *found.notes))
        except HeldError:
            return Skipped(feed, hour)
        except StoppedError:
            raise
        except Exception as error:  # whatever befalls a feed, the others go on
            return failed(feed, hour, error)

    def _judge(self, outcome: Outcome | Skipped) -> None:
        """Leave the other hours of a feed where they would fail as this one has."""
        feed, failure = outcome.feed, outcome if isinstance(outcome, Failed) else None
        self._failed_in_a_row[feed] = self._failed_in_a_row[feed] + 1 if failure and failure.is_passing else 0
        is_hopeless = failure is not None and failure.other_hours_would_fail
        if is_hopeless or self._failed_in_a_row[feed] == self._runner.failures_in_a_row:
            self._left.add(feed)
