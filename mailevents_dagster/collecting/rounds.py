"""A round: hours of many feeds collected, accounts side by side, each feed's failures its own."""

from __future__ import annotations

import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.turns import THREADS, Turns
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.event import Progress, SourceError, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import Cause, TransientError
from mailevents_dagster.store.hour.open_hour import Commit

T = TypeVar("T")

ACCOUNTS_AT_ONCE: Final = 16
"""More than two processors can keep busy; they wait for the API most of the time."""
LOOK_EVERY: Final = 0.5
"""Seconds after which the main thread looks up, so that a signal is heard."""
PATIENCE_AT_STOP: Final = 2.0
DAMAGE: Final = "damage"
"""The cause where a file of the hour turned out damaged while it was read; the next collection makes it whole."""


class HeldElsewhereError(Exception):
    """Another process collects the hour; this one goes on with the next feed."""


def step_aside(why: str) -> None:
    """For hours that are left to whoever has them."""
    raise HeldElsewhereError(why)


@dataclass(frozen=True, slots=True)
class Task:
    """Hours of one feed, in the order in which they are collected."""

    feed: Feed
    hours: Sequence[Hour]


@dataclass(frozen=True, slots=True)
class Collected:
    """An hour that was committed."""

    feed: Feed
    commit: Commit
    measures: Mapping[str, float]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Failed:
    """An hour that could not be collected."""

    feed: Feed
    hour: Hour
    said: str
    cause: str | None = None
    """One word, where it is the source that failed, or a file of the hour."""
    hour_is_gone: bool = False
    is_passing: bool = False
    """It was asked for as often as it may be, and may succeed another time."""
    until: float | None = None
    """The Unix time until which the source answers nobody, where it said so."""
    error: Exception | None = None
    """Where it is neither. What a source raised is not kept: it may hold the whole answer that it is about."""


Outcome = Collected | Failed


@dataclass(frozen=True, slots=True)
class Round:
    """How the hours of a round are collected."""

    collector: Collector
    client: Callable[[str], UzmanPostaApi]
    """The client of an account, by its domain."""
    failures_in_a_row: int = 1
    """After so many, each of which may take a quarter of an hour, a feed's other hours are left for another time."""
    when_held: Callable[[str], object] = step_aside
    """Is told where another process has the hour, which is waited for unless that raises."""
    tell: Callable[[Feed, Hour, Progress], None] = lambda *_: None

    def collect(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Hands out each hour as it is done; ends at once when whoever iterates is interrupted."""
        outcomes: SimpleQueue[Outcome] = SimpleQueue()
        crew = self.begin(tasks, outcomes.put)
        try:
            yield from crew.handed_over(outcomes)
        except BaseException:
            crew.stop()
            raise

    def begin(
        self, tasks: Sequence[Task], put: Callable[[Outcome], object], ended: Callable[[Feed], object] = lambda _: None
    ) -> Crew:
        """Has threads collect the hours of each account. They put each hour as it is done and say which feeds are."""
        accounts: defaultdict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            accounts[task.feed.domain].append(task)
        waiting = deque(accounts.values())
        clients: dict[str, UzmanPostaApi] = {}
        threads: list[threading.Thread] = []
        for _ in range(min(ACCOUNTS_AT_ONCE, len(accounts))):
            lane = _Lane(self, waiting, clients, put, ended)
            threads += [threading.Thread(target=lane.work, name="account", daemon=True) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        return Crew(threads, waiting, clients)


class _Lane:
    """Collects what waits, an account at a time. Two threads: while one finishes an hour, the other asks for more."""

    def __init__(
        self,
        round_: Round,
        waiting: deque[list[Task]],
        clients: dict[str, UzmanPostaApi],
        put: Callable[[Outcome], object],
        ended: Callable[[Feed], object],
    ) -> None:
        self._round = round_
        self._clients = clients
        self._put = put
        self._ended = ended
        self._turns = Turns()
        self._hours = self._in_order(waiting)
        self._left: set[Feed] = set()
        """Feeds whose other hours would fail as one has."""
        self._failed_in_a_row: Counter[Feed] = Counter()
        self._at_work: Counter[Feed] = Counter()
        self._counting = threading.Lock()
        self._lock: Path | None = None
        """Of the last hour that was asked for."""

    def work(self) -> None:
        """Takes hours until none is left, or it is told to stop."""
        with suppress(StoppedError):
            while self._take():
                pass

    def _take(self) -> bool:
        """Takes the next hour, if there is one."""
        with self._turns.turn() as finish:
            feed, hour = next(self._hours, (None, None))
            if not feed or not hour:
                return False
            try:
                outcome: Outcome | None = self._collect(feed, hour, finish)
            except HeldElsewhereError:
                outcome = None  # whoever has it collects it
            except StoppedError:
                self._hours = iter(())
                raise
            except Exception as error:  # whatever befalls a feed, the others go on
                outcome = _failed(feed, hour, error)
            finish()
            if outcome:
                self._judge(outcome)
                self._put(outcome)
            self._begin_or_end(feed, -1)
        return True

    def _in_order(self, waiting: deque[list[Task]]) -> Iterator[tuple[Feed, Hour]]:
        with suppress(IndexError):  # nothing is left
            while True:
                for task in waiting.popleft():
                    self._begin_or_end(task.feed, 1)
                    for hour in task.hours:
                        if task.feed in self._left:
                            break
                        self._begin_or_end(task.feed, 1)
                        yield task.feed, hour
                    self._begin_or_end(task.feed, -1)

    def _begin_or_end(self, feed: Feed, change: int) -> None:
        """Counts the hours of a feed that are at work, and its list of hours as one more; tells when all has ended."""
        with self._counting:
            self._at_work[feed] += change
            is_over = not self._at_work[feed]
        if is_over:
            self._ended(feed)

    def _judge(self, outcome: Outcome) -> None:
        """Leaves the other hours of a feed where they would fail as this one has."""
        feed, failed = outcome.feed, outcome if isinstance(outcome, Failed) else None
        self._failed_in_a_row[feed] = self._failed_in_a_row[feed] + 1 if failed and failed.is_passing else 0
        # Of feeds that share a pause each still fails by itself, without a call: so each knows until when.
        alike = failed and (failed.error or failed.cause == Cause.PERMISSION or failed.until)
        if alike or self._failed_in_a_row[feed] == self._round.failures_in_a_row:
            self._left.add(feed)

    def _collect(self, feed: Feed, hour: Hour, finish: Callable[[], None]) -> Collected:
        round_, domain = self._round, feed.domain
        if domain not in self._clients:
            self._clients[domain] = round_.client(domain)
        lock = round_.collector.store.layout.hour_lock(feed, hour)
        if lock == self._lock:  # days apart, hours share one: nobody else has it
            self._turns.wait_for_finish()
        self._lock = lock

        def tell(progress: Progress) -> None:
            round_.tell(feed, hour, progress)

        with round_.collector.hour(self._clients[domain], feed, hour, round_.when_held, tell, finish) as (work, found):
            return Collected(feed, work.commit(found), found.measures, (*work.notes, *found.notes))


@dataclass(frozen=True, slots=True)
class Crew:
    """The threads that are at a round."""

    threads: Sequence[threading.Thread]
    waiting: deque[list[Task]]
    clients: Mapping[str, UzmanPostaApi]

    def handed_over(self, queue: SimpleQueue[T], meanwhile: Callable[[], object] = lambda: None) -> Iterator[T]:
        """What the threads put into the queue, until they have ended; does something each time nothing has come."""
        while True:
            # Before the look: what is put later is found then.
            at_work = any(thread.is_alive() for thread in self.threads)
            try:
                yield queue.get(timeout=LOOK_EVERY if at_work else 0)
            except Empty:
                if not at_work:
                    return
                meanwhile()

    def stop(self) -> None:
        """Begins nothing more and ends what waits."""
        self.waiting.clear()
        for client in list(self.clients.values()):
            client.stop()
        for thread in self.threads:
            thread.join(PATIENCE_AT_STOP)


def _failed(feed: Feed, hour: Hour, error: Exception) -> Failed:
    said = str(error) or type(error).__name__
    if isinstance(error, SourceError):
        passing = isinstance(error, TransientError)
        return Failed(feed, hour, said, str(error.cause), error.hour_is_gone, passing, error.until)
    if isinstance(error, DamagedError):
        return Failed(feed, hour, said, DAMAGE)
    return Failed(feed, hour, said, error=error)
