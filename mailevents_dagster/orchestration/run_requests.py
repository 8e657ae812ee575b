"""Requests for runs: what sensor, schedules and commands tell Dagster to start."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final

from dagster import AssetKey, RunRequest

from mailevents_dagster.collecting.planning import Ask, Plan
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB, FOLLOW_JOB, GOES_ON

GOES_ON_MINUTES: Final = 10
"""Starting a run takes some ten seconds, and what is changed in the settings meanwhile is known to the next one."""


def requests_of(plan: Plan, timezone: str, tick: str | None = None) -> Iterator[RunRequest]:
    """Yield the requests for the runs that collect what is due, with the keys that a schedule's need."""
    goes_on = {GOES_ON: str(GOES_ON_MINUTES)}
    asks = [*((ask, goes_on) for ask in plan.asks), *((ask, {}) for ask in plan.closing)]
    for number, (ask, tags) in enumerate(asks):
        yield collect_request(ask, timezone, tags, tick and f"{tick} {number}")


def collect_request(ask: Ask, timezone: str, tags: Mapping[str, str], run_key: str | None = None) -> RunRequest:
    """Return the request for a run over these hours of these feeds."""
    first, last = Hour(ask.first, timezone), Hour(ask.end - SECONDS, timezone)
    return RunRequest(
        run_key=run_key,
        job_name=COLLECT_JOB,
        partition_key=first.key if first == last else None,
        tags={
            "dagster/priority": "5",  # before the runs of a backfill that wait
            **({} if first == last else range_tags(first, last)),
            **tags,
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


def range_of(tags: Mapping[str, str]) -> tuple[str, str]:
    """Return the keys of the first and the last hour that a run was asked for."""
    hour = tags.get("dagster/partition", "")
    return (
        tags.get("dagster/asset_partition_range_start", hour),
        tags.get("dagster/asset_partition_range_end", hour),
    )


def leaving_out(feeds: Collection[Feed], job: str = FOLLOW_JOB) -> dict[str, Any]:
    """Return the config of a run that follows, or looks back, and leaves these feeds alone."""
    return {"ops": {f"{job}_feeds": {"config": {"leave_out": sorted(map(str, feeds))}}}} if feeds else {}
