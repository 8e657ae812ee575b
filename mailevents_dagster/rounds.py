"""A round: hours of many feeds collected side by side, a thread an account, each feed's failures its own."""

from __future__ import annotations

import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final

from mailevents_dagster.collector import Collector
from mailevents_dagster.events import StoppedError
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.store.open_hour import Commit

ACCOUNTS_AT_ONCE: Final = 16
"""More than two processors can keep busy; they wait for the API most of the time."""
LOOK_EVERY: Final = 0.5
"""Seconds after which the main thread looks up, so that a signal is heard."""
PATIENCE_AT_STOP: Final = 2.0


class HeldElsewhereError(Exception):
    """Another process collects the hour; this one goes on with the next feed."""


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
    """A feed whose hour could not be collected; its later hours are left for another time."""

    feed: Feed
    hour: Hour
    said: str


Outcome = Collected | Failed


@dataclass(frozen=True, slots=True)
class Round:
    """How the hours of a round are collected."""

    collector: Collector
    client: Callable[[str], UzmanPostaApi]
    """The client of an account, by its domain."""

    def collect(self, tasks: Sequence[Task]) -> Iterator[Outcome]:
        """Hands out each hour as it is done; ends at once when whoever iterates is interrupted."""
        accounts: defaultdict[str, list[Task]] = defaultdict(list)
        for task in tasks:
            accounts[task.feed.domain].append(task)
        waiting = deque(accounts.values())
        clients: dict[str, UzmanPostaApi] = {}
        outcomes: SimpleQueue[Outcome] = SimpleQueue()

        def work() -> None:
            with suppress(StoppedError, IndexError):  # told to stop, or nothing is left
                while True:
                    self._collect_account(waiting.popleft(), clients, outcomes.put)

        threads = [
            threading.Thread(target=work, name="account", daemon=True)
            for _ in range(min(ACCOUNTS_AT_ONCE, len(accounts)))
        ]
        for thread in threads:
            thread.start()
        try:
            yield from _until_done(threads, outcomes)
        except BaseException:
            waiting.clear()
            for client in list(clients.values()):
                client.stop()
            for thread in threads:
                thread.join(PATIENCE_AT_STOP)
            raise

    def _collect_account(
        self, tasks: Sequence[Task], clients: dict[str, UzmanPostaApi], put: Callable[[Outcome], object]
    ) -> None:
        for task in tasks:
            for hour in task.hours:
                try:
                    domain = task.feed.domain
                    if domain not in clients:
                        clients[domain] = self.client(domain)
                    put(self._collect_hour(clients[domain], task.feed, hour))
                except HeldElsewhereError:
                    continue  # whoever has it collects it
                except StoppedError:
                    raise
                except Exception as error:  # whatever befalls a feed, the others go on
                    put(Failed(task.feed, hour, str(error) or type(error).__name__))
                    break

    def _collect_hour(self, api: UzmanPostaApi, feed: Feed, hour: Hour) -> Collected:
        """On its own, so that the hour does not stay in memory while the next one is collected."""
        with self.collector.hour(api, feed, hour, step_aside) as (work, found):
            return Collected(feed, work.commit(found), found.measures, (*work.notes, *found.notes))


def step_aside(why: str) -> None:
    """For hours that are left to whoever has them."""
    raise HeldElsewhereError(why)


def _until_done(threads: Sequence[threading.Thread], outcomes: SimpleQueue[Outcome]) -> Iterator[Outcome]:
    while True:
        going_on = any(thread.is_alive() for thread in threads)  # before the look: what is put later is found then
        try:
            yield outcomes.get(timeout=LOOK_EVERY if going_on else 0)
        except Empty:
            if not going_on:
                return
