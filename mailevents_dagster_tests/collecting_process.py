"""Collecting one hour in a process that is stopped or killed, and which hours were listed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from mailevents_dagster.collecting.collector import Collector
from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.collecting.operating_logs import OperatingLogs
from mailevents_dagster.collecting.outcomes import Outcome, Task
from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import OperatingLogSettings
from mailevents_dagster.sources.client import Client, Options
from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Call
from mailevents_dagster.store.store import Store

FEED = feed_of("example.com", "mail/incominglog")


def collecting_process(folder: Path, base_url: str, hour: Hour) -> list[str]:
    """The command of a process that collects the hour of the feed into the folder, two details at a time."""
    return [sys.executable, "-m", __name__, str(folder), base_url, str(hour.start)]


def store_in(folder: Path) -> Store:
    return Store(str(folder), "UTC", "{domain}_{type}_%Y-%m-%d_%H.log", FEED_KINDS, folder)


def collector_in(store: Store, settle_seconds: float = 0) -> Collector:
    """A collector that closes hours as soon as they are over."""
    logs = OperatingLogs(store.layout, OperatingLogSettings(), store.timezone)
    return Collector(store, Heartbeats(store.layout, {}, store.timezone), logs, Options(settle_seconds))


def outcomes(collector: Collector, client: Callable[[Feed], Client], tasks: Sequence[Task]) -> list[Outcome]:
    """Run these tasks to their ends and return what became of each hour."""
    with Runner(collector, client, tasks) as runner:
        return list(runner.outcomes())


def collect(folder: Path, base_url: str, hour: Hour) -> None:
    access = Access(FEED.domain, base_url, "key-for-a-test", max_parallel_details=2)
    with UzmanPostaApi(access) as api, store_in(folder).open_hour(FEED, hour) as work:
        work.commit(collect_hour(api, work))


def listings(calls: Iterable[Call], *hours: Hour) -> int:
    """How many listings asked for one of these hours whole; the rest of an answer and seams are asked for in parts."""
    windows = {(str(hour.start - 1), str(hour.end)) for hour in hours}
    return sum((call.params.get("starttime"), call.params.get("endtime")) in windows for call in calls)


if __name__ == "__main__":
    collect(Path(sys.argv[1]), sys.argv[2], Hour(int(sys.argv[3]), "UTC"))
