"""What tests of the runner share: accounts with a client each, and hours of fixed mail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pytest

from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.outcomes import Collected, Failed, Outcome, Task, Underway
from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in
from mailevents_dagster_tests.conftest import KEY, NOON, mail

DOMAINS: Final = ["a.example", "b.example", "c.example"]
PATIENCE: Final = 60.0


@dataclass(frozen=True)
class Place:
    """A collector, and the accounts that it collects."""

    collector: Collector
    apis: Mapping[str, UzmanPostaApi]
    """By domain; each tries once."""

    def runner(self, tasks: Sequence[Task], **rules: Any) -> Runner:
        return Runner(self.collector, lambda feed: UzmanPostaClient(self.apis[feed.domain]), tasks, **rules)

    def collect(self, tasks: Sequence[Task], **rules: Any) -> list[Outcome]:
        with self.runner(tasks, **rules) as runner:
            return list(runner.outcomes())


@pytest.fixture
def place(store: Store, simulator: Simulator, fixed: FixedMail) -> Iterator[Place]:
    """Three accounts with five mails in each of two hours, and one without any."""
    for domain in DOMAINS:
        for hour in (NOON, NOON.next):
            fixed.add(domain, "mail/incominglog", [mail(hour.start + n, f"{domain}{n}") for n in range(5)])
    apis = {
        domain: UzmanPostaApi(Access(domain, simulator.base_url, KEY, "KEY_OF_EXAMPLE", max_attempts=1))
        for domain in (*DOMAINS, "d.example")
    }
    yield Place(collector_in(store), apis)
    for api in apis.values():
        api.close()


def incoming(domain: str) -> Feed:
    return feed_of(domain, "mail/incominglog")


def done(outcomes: Sequence[Outcome | Underway]) -> set[tuple[str, int, int]]:
    """Domain, hour and number of events of what was committed."""
    manifests = [outcome.commit.manifest for outcome in outcomes if isinstance(outcome, Collected)]
    return {(manifest.domain, manifest.start, manifest.events) for manifest in manifests}


def failed(outcomes: Sequence[Outcome | Underway]) -> list[Failed]:
    return [outcome for outcome in outcomes if isinstance(outcome, Failed)]


def threads_at_work() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name in ("lane", "hour")]


def after(before: Callable[[], object], do: Callable[..., Any]) -> Callable[..., Any]:
    def both(*arguments: object) -> object:
        before()
        return do(*arguments)

    return both


def then(afterwards: Callable[[], object], do: Callable[..., Any]) -> Callable[..., Any]:
    def both(*arguments: object) -> object:
        result = do(*arguments)
        afterwards()
        return result

    return both
