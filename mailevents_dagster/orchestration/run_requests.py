"""Requests for runs: what sensor, schedules and commands tell Dagster to start."""

from collections.abc import Collection
from typing import Any

from dagster import AssetKey, RunRequest

from mailevents_dagster.collecting.planning import Ask
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB, FOLLOW_JOB


def collect_request(ask: Ask, timezone: str) -> RunRequest:
    """Return the request for a run over these hours of these feeds."""
    first, last = Hour(ask.first, timezone), Hour(ask.end - SECONDS, timezone)
    return RunRequest(
        job_name=COLLECT_JOB,
        partition_key=first.key if first == last else None,
        tags={
            "dagster/priority": "5",  # before the runs of a backfill that wait
            **({} if first == last else range_tags(first, last)),
        },
        asset_selection=[AssetKey(feed.asset_key) for feed in ask.feeds],
        asset_check_keys=[],  # None would select them all: see collect_job
    )


def range_tags(first: Hour, last: Hour) -> dict[str, str]:
    """Return the tags of a run over these hours."""
    return {
        "dagster/asset_partition_range_start": first.key,
        "dagster/asset_partition_range_end": last.key,
    }


def leaving_out(feeds: Collection[Feed], job: str = FOLLOW_JOB) -> dict[str, Any]:
    """Return the config of a run that follows, or looks back, and leaves these feeds alone."""
    return {"ops": {f"{job}_feeds": {"config": {"leave_out": sorted(map(str, feeds))}}}} if feeds else {}
