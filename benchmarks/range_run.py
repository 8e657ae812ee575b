"""Many hours in one Dagster run, as a backfill does them: how much memory that takes."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import dagster as dg
from measure import peak_memory
from workload import FEED, HOUR, KEY

from mailevents_dagster.build import build_defs
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.catalog import load_settings

KEY_VARIABLE: Final = "MAILEVENTS_BENCHMARK_KEY"
SETTINGS: Final = """\
timezone: {timezone}
start: {start}
api:
  base_url: {base_url}
  requests_per_second: {rate}
  max_parallel_details: {parallel}
accounts:
  - domain: {domain}
    api_key: ${{{variable}}}
    feeds: [{feed}]
"""


@dataclass(frozen=True, slots=True)
class RangeRun:
    """One run over a range of hours."""

    seconds: float
    idle_bytes: int
    """The most memory used before the run: Dagster, the package and the definitions."""
    peak_bytes: int
    events_by_hour: list[int]


def run_range(base_url: str, hours: int, folder: Path, parallel: int = 8, rate: float | None = None) -> RangeRun:
    """Materializes so many hours, HOUR first, in one run; works in a process that does nothing else."""
    os.environ.update({KEY_VARIABLE: KEY, "DAGSTER_HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "yes"})
    file = folder / "mailevents.yaml"
    file.write_text(
        SETTINGS.format(
            timezone=HOUR.timezone,
            start=HOUR.stamp("%Y-%m-%dT%H:%M"),
            base_url=base_url,
            parallel=parallel,
            rate=rate or "null",
            domain=FEED.domain,
            variable=KEY_VARIABLE,
            feed=FEED.name,
        ),
        encoding="utf-8",
    )
    job = build_defs(load_settings(file)).get_repository_def().get_job("collect_hours")
    idle, began = peak_memory(), time.perf_counter()
    last = Hour(HOUR.start + (hours - 1) * SECONDS, HOUR.timezone)
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance,
            tags={
                "dagster/asset_partition_range_start": HOUR.key,
                "dagster/asset_partition_range_end": last.key,
            },
            run_config={"loggers": {"console": {"config": {"log_level": "ERROR"}}}},
        )
    return RangeRun(time.perf_counter() - began, idle, peak_memory(), _events_by_hour(result))


def _events_by_hour(result: dg.ExecuteInProcessResult) -> list[int]:
    done = [event.step_materialization_data.materialization for event in result.get_asset_materialization_events()]
    return [
        int(one.metadata["dagster/partition_row_count"].value)  # type: ignore[arg-type]
        for one in sorted(done, key=lambda one: str(one.partition))
    ]
