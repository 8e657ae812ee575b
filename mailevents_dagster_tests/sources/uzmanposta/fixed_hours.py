"""Hours of fixed mail: collected from the simulated API into the store, and read back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mailevents_dagster.model.event import Collection, Detail, Event
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Request, Simulator
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, NOON, START


class Clock:
    """The clock of collections; what takes time between two of its readings is not of interest here."""

    now = START + 3 * 3600.0

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now


class Collector:
    """Collects hours of fixed mail and reads back what the store holds of them."""

    def __init__(self, store: Store, simulator: Simulator, fixed: FixedMail, api: UzmanPostaApi) -> None:
        self.store, self.simulator, self.fixed, self.api = store, simulator, fixed, api
        self.found: Collection | None = None

    def add(self, *records: dict[str, Any], feed: Feed = INCOMING, at: int | None = None) -> None:
        self.fixed.add(feed.domain, feed.name, records, at=at)

    def remove(self, *records: dict[str, Any], feed: Feed = INCOMING) -> None:
        self.fixed.remove(feed.domain, feed.name, records)

    def replace(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self.remove(old)
        self.add(new)

    def collect(self, feed: Feed = INCOMING, hour: Hour = NOON, **rules: Any) -> Commit:
        self.simulator.calls.clear()
        with self.store.open_hour(feed, hour) as work:
            self.found = collect_hour(self.api, work, Options(**{"settle_seconds": 600.0} | rules))
            return work.commit(self.found)

    def events(self, feed: Feed = INCOMING, hour: Hour = NOON) -> list[Event]:
        return read_events(self.store.layout.snapshot(feed, hour))

    def log(self, feed: Feed = INCOMING, hour: Hour = NOON) -> list[Any]:
        return [json.loads(line) for line in self.store.layout.log(feed, hour).read_bytes().splitlines()]

    def truth(self, feed: Feed = INCOMING, hour: Hour = NOON) -> list[Any]:
        return self.simulator.truth(feed.domain, feed.name, hour.start, hour.end)

    def details(self) -> dict[str, Detail]:
        return {str(json.loads(event.raw)["queue_id"]): event.detail for event in self.events()}

    def asked(self) -> list[str]:
        """The queue ids whose detail was asked for in the last collection, in their order."""
        return sorted(call.path.removeprefix("/logs/mail/") for call in self.simulator.calls if call.kind == "detail")


def detail_of(queue_id: str) -> Callable[[Request], bool]:
    return lambda request: request.queue_id == queue_id


def kept_below(folder: Path) -> dict[str, bytes]:
    """What is kept of events; the cursor notes each attempt."""
    return {name: body for name, body in files_below(folder).items() if "cursors" not in name and "locks" not in name}


def files_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
