"""A round: hours of many feeds collected side by side, a thread an account, each feed's failures its own."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, TypeVar

from mailevents_dagster.collector import Collector
from mailevents_dagster.events import SourceError, StoppedError
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import Progress
from mailevents_dagster.sources.uzmanposta.errors import Cause, TransientError
from mailevents_dagster.store.open_hour import Commit

T = TypeVar("T")

ACCOUNTS_AT_ONCE: Final = 16
"""More than two processors can keep busy; they wait for the API most of the time."""
LOOK_EVERY: Final = 0.5
"""Seconds after which the main thread looks up, so that a signal is heard."""
PATIENCE_AT_STOP: Final = 2.0


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
    """One word, where it is the source that failed."""
    hour_is_gone: bool = False
    error: Exception | None = None
    """Where it is not the source. What a source raised is not kept: it may hold the whole answer that it is about."""


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

        def work() -> None:
            with suppress(StoppedError, IndexError):  # told to stop, or nothing is left
                while True:
                    for task in waiting.popleft():
                        self._collect_feed(task, clients, put)
                        ended(task.feed)

        threads = [
            threading.Thread(target=work, name="account", daemon=True)
            for _ in range(min(ACCOUNTS_AT_ONCE, len(accounts)))
        ]
        for thread in threads:
            thread.start()
        return Crew(threads, waiting, clients)

    def _collect_feed(self, task: Task, clients: dict[str, UzmanPostaApi], put: Callable[[Outcome], object]) -> None:
        domain, in_a_row = task.feed.domain, 0
        for hour in task.hours:
            try:
                if domain not in clients:
                    clients[domain] = self.client(domain)
                put(self._collect_hour(clients[domain], task.feed, hour))
                in_a_row = 0
            except HeldElsewhereError:
                continue  # whoever has it collects it
            except StoppedError:
                raise
            except Exception as error:  # whatever befalls a feed, the others go on
                put(_failed(task.feed, hour, error))
                in_a_row = in_a_row + 1 if isinstance(error, TransientError) else 0
                alike = not isinstance(error, SourceError) or error.cause == Cause.PERMISSION
                if alike or in_a_row == self.failures_in_a_row:  # the other hours would fail alike
                    break

    def _collect_hour(self, api: UzmanPostaApi, feed: Feed, hour: Hour) -> Collected:
        """On its own, so that the hour does not stay in memory while the next one is collected."""

        def tell(progress: Progress) -> None:
            self.tell(feed, hour, progress)

        with self.collector.hour(api, feed, hour, self.when_held, tell) as (work, found):
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
        return Failed(feed, hour, said, str(error.cause), error.hour_is_gone)
    return Failed(feed, hour, said, error=error)
