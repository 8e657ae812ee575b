"""A whole project on a simulated API: settings from a file, definitions, an instance that keeps its runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import dagster as dg
import orjson
import pytest

from mailevents_dagster.build import build_defs
from mailevents_dagster.collecting import going_on
from mailevents_dagster.model.hour import Hour, last_ended
from mailevents_dagster.orchestration import checks, due_hours, jobs, schedules
from mailevents_dagster.orchestration import sensor as sensors
from mailevents_dagster.orchestration.io_manager import EventStore
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta import collect
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, EventSource, Simulator
from mailevents_dagster.store import feed_cursor
from mailevents_dagster.store.store import Store

DOMAIN = "example.com"
KEY = "distinctive-4e1f-key"
SETTINGS = """
timezone: Europe/Istanbul
start: 2026-11-01T00:00
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: null, max_attempts: 2, max_parallel_details: 4}}
collect: {{hours_per_run: 24}}
accounts:
  - domain: example.com
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog, mail/outgoinglog, quarantine/quarantine, quarantine/hold, authentication]
"""
ONE_FEED = SETTINGS.replace(", ".join(FEED_KINDS), "mail/incominglog")
TWO_FEEDS = SETTINGS.replace(", ".join(FEED_KINDS), "mail/incominglog, authentication")
RUNNING = Hour.from_key("2026-11-17-14:00", "Europe/Istanbul")
"""The hour that is taken for the one now running, where the clock stands: half of it is over."""
NOW = RUNNING.start + 1800.0


@dataclass(frozen=True)
class Project:
    """What a test does with a project."""

    settings: Settings
    defs: dg.Definitions
    instance: dg.DagsterInstance
    api: Simulator

    @property
    def store(self) -> Store:
        return EventStore(self.settings).store

    def materialize(
        self, feeds: Sequence[str], hours: Sequence[Hour] | Hour, extra: Sequence[dg.AssetsDefinition] = ()
    ) -> dg.ExecuteInProcessResult:
        """One run over these feeds: of a partition where one hour is given, of a range for a list, as backfills are."""
        keys = [dg.AssetKey(feed_of(DOMAIN, feed).asset_key) for feed in feeds] + [asset.key for asset in extra]
        partition: dict[str, Any] = (
            {"partition_key": hours.key} if isinstance(hours, Hour) else {"tags": range_tags(hours)}
        )
        return dg.materialize(
            [*self.defs.assets, *extra],
            selection=keys,
            resources=self.defs.resources,
            instance=self.instance,
            raise_on_error=False,
            **partition,
        )

    def run(
        self, job_name: str, *, asset_selection: Sequence[dg.AssetKey] = (), **arguments: Any
    ) -> dg.ExecuteInProcessResult:
        """One run of a job; what is asked for beside its name is what a run request holds, which selects no checks."""
        job = self.defs.get_repository_def().get_job(job_name)
        if asset_selection:
            job = job.get_subset(asset_selection=set(asset_selection), asset_check_selection=set())
        return job.execute_in_process(instance=self.instance, raise_on_error=False, **arguments)

    def said(self, result: dg.ExecuteInProcessResult) -> list[str]:
        """The lines of a run's log, Dagster's own among them."""
        return [entry.user_message for entry in self.instance.all_logs(result.run_id)]

    def materialized(self, feed: str) -> set[str]:
        return self.instance.get_materialized_partitions(dg.AssetKey(feed_of(DOMAIN, feed).asset_key))

    def logged(self, feed: str, hour: Hour) -> list[dict[str, object]]:
        path = Path(str(self.store.layout.log(feed_of(DOMAIN, feed), hour)))
        return [orjson.loads(line) for line in path.read_bytes().splitlines()]

    def truth(self, feed: str, hour: Hour) -> list[dict[str, object]]:
        return self.api.truth(DOMAIN, feed, hour.start, hour.end)


def busy_hours() -> list[Hour]:
    """Three hours around noon of the last Tuesday, Wednesday or Thursday: generated mail is sparse at night."""
    hour = last_ended(time.time() - 3600, "Europe/Istanbul")
    while not (hour.stamp("%a") in ("Tue", "Wed", "Thu") and hour.stamp("%H") == "13"):
        hour = hour.previous
    return [hour.previous.previous, hour.previous, hour]


def range_tags(hours: Sequence[Hour]) -> Mapping[str, str]:
    return {
        "dagster/asset_partition_range_start": hours[0].key,
        "dagster/asset_partition_range_end": hours[-1].key,
    }


def same_events(one: Sequence[dict[str, object]], other: Sequence[dict[str, object]]) -> bool:
    """Whether the two hold the same events, in whatever order within a second."""
    return sorted(map(orjson.dumps, one)) == sorted(map(orjson.dumps, other))


def in_memory() -> AbstractContextManager[dg.DagsterInstance]:
    return dg.DagsterInstance.ephemeral(settings={"telemetry": {"enabled": False}})


@contextmanager
def project(
    folder: Path,
    behaviour: Behaviour | None = None,
    source: EventSource | None = None,
    settings: str = SETTINGS,
    now: Callable[[], float] = time.time,
    instance: Callable[[], AbstractContextManager[dg.DagsterInstance]] = in_memory,
) -> Iterator[Project]:
    """A project in the folder; `in_files` makes an instance with files, as schedules need one."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Simulator(behaviour, source=source, domains=[DOMAIN], now=now) as api,
        instance() as made,
    ):
        patch.setenv("UZMANPOSTA_KEY", KEY)
        yield Project(*definitions(folder, settings, api.base_url), made, api)


def definitions(folder: Path, text: str, base_url: str) -> tuple[Settings, dg.Definitions]:
    """What these settings, written into the folder, come to."""
    file = folder / "mailevents.yaml"
    file.write_text(text.format(base_url=base_url))
    settings = load_settings(file, environ={**os.environ, "UZMANPOSTA_KEY": KEY})
    return settings, build_defs(settings)


def stop_the_clock(monkeypatch: pytest.MonkeyPatch, at: float) -> None:
    """What the project takes for the time: no test may depend on the minute in which it runs."""
    modules: Sequence[ModuleType] = (checks, due_hours, going_on, jobs, schedules, sensors, collect, feed_cursor)
    for module in modules:
        monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: at, monotonic=time.monotonic))
