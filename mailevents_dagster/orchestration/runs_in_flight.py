"""What Dagster has under way: runs that wait or go on, and backfills that become runs in time."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.execution.backfill import BulkActionStatus

from mailevents_dagster.collecting.planning import UnderWay
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.store.cursors import Span

COLLECT_JOB: Final = "collect_hours"
FOLLOW_JOB: Final = "follow"
HOUSEKEEPING_JOB: Final = "housekeeping"
RECONCILE_JOB: Final = "reconcile"
CHECKS_JOB: Final = "check_feeds"
JOBS: Final = frozenset({COLLECT_JOB, FOLLOW_JOB, HOUSEKEEPING_JOB, RECONCILE_JOB, CHECKS_JOB})
SENSOR: Final = "follow_feeds"
SOURCE: Final = "uzmanposta"
"""What the keys of feeds' assets begin with."""
GOING_ON: Final = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]


def is_of_feeds(run: DagsterRun) -> bool:
    """Whether a run is one of this project's that works on feeds, or has one among its assets."""
    return run.job_name in JOBS or any(key.path[0] == SOURCE for key in run.asset_selection or ())


def is_going_on(instance: DagsterInstance, job: str) -> bool:
    """Whether a run of this job waits or goes on."""
    return bool(instance.get_runs(RunsFilter(job_name=job, statuses=GOING_ON), limit=1))


def look(instance: DagsterInstance, graph: BaseAssetGraph[Any], feeds: Collection[Feed]) -> UnderWay:
    """What is under way of these feeds."""
    by_key = {AssetKey(feed.asset_key): feed for feed in feeds}
    backfills = _asked_by_backfills(instance, graph, by_key)
    held: set[Feed] = set()
    own, following = 0, False
    for run in instance.get_runs(RunsFilter(statuses=GOING_ON)):
        if run.job_name == FOLLOW_JOB:
            following = True
        elif "dagster/backfill" in run.tags and backfills:
            continue  # its hours are left to it; the feed's others need not wait until a year is through
        elif run.asset_selection:
            held.update(by_key[key] for key in run.asset_selection if key in by_key)
        elif run.job_name == COLLECT_JOB:  # none chosen means all, whether Dagster stored that as nothing or as empty
            held.update(feeds)
        own += run.tags.get("dagster/sensor_name") == SENSOR and run.job_name == COLLECT_JOB
    return UnderWay(frozenset(held), own, following, backfills)


def _asked_by_backfills(
    instance: DagsterInstance, graph: BaseAssetGraph[Any], by_key: Mapping[AssetKey, Feed]
) -> dict[Feed, Sequence[Span]]:
    """Their hours, done or not. Dagster has no public way to ask; by window, since a year of keys takes seconds."""
    asked: defaultdict[Feed, list[Span]] = defaultdict(list)
    for backfill in instance.get_backfills(status=BulkActionStatus.REQUESTED):
        if not backfill.is_asset_backfill:
            continue
        data = backfill.get_asset_backfill_data(graph)
        for key in by_key.keys() & set(backfill.asset_selection or ()):
            windows = getattr(data.get_target_partitions_subset(key), "included_time_windows", ())
            asked[by_key[key]] += [(int(window.start.timestamp()), int(window.end.timestamp())) for window in windows]
    return {feed: sorted(spans) for feed, spans in asked.items()}
