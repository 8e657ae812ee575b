"""Runs in flight: those that wait or go on, and backfills that become runs in time."""

from collections.abc import Collection
from typing import Final

from dagster import AssetKey, DagsterInstance, DagsterRun, DagsterRunStatus, RepositoryDefinition, RunsFilter

from mailevents_dagster.collecting.planning import UnderWay
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.orchestration.internals import backfilled_spans
from mailevents_dagster.sources.catalog import FEED_KINDS

COLLECT_JOB: Final = "collect_hours"
FOLLOW_JOB: Final = "follow"
HOUSEKEEPING_JOB: Final = "housekeeping"
RECONCILE_JOB: Final = "reconcile"
CHECKS_JOB: Final = "check_feeds"
REPORT_JOB: Final = "mail_report"
JOBS: Final = frozenset({COLLECT_JOB, FOLLOW_JOB, HOUSEKEEPING_JOB, RECONCILE_JOB, CHECKS_JOB, REPORT_JOB})
SENSOR: Final = "follow_feeds"
GOES_ON: Final = "mailevents/goes_on_minutes"
"""The tag of a run that was asked for to catch up: for how long it goes on with what else is due of its feeds."""
SOURCES: Final = frozenset(kind.source for kind in FEED_KINDS.values())
"""The first parts of the asset keys of feeds."""
GOING_ON: Final = [
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.QUEUED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
]
ENDED: Final = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def is_of_feeds(run: DagsterRun) -> bool:
    """Return whether a run is of one of this project's jobs, or has a feed among its assets."""
    return run.job_name in JOBS or any(key.path[0] in SOURCES for key in run.asset_selection or ())


def is_going_on(instance: DagsterInstance, job: str) -> bool:
    """Return whether a run of this job waits or goes on."""
    return bool(instance.get_runs(RunsFilter(job_name=job, statuses=GOING_ON), limit=1))


def are_waited_for(instance: DagsterInstance, feeds: Collection[Feed]) -> bool:
    """Return whether a run that collects one of these feeds waits for its turn."""
    keys = {AssetKey(feed.asset_key) for feed in feeds}
    queued = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.QUEUED]))
    return any(keys & run.asset_selection if run.asset_selection else run.job_name == COLLECT_JOB for run in queued)


def look(instance: DagsterInstance, repository: RepositoryDefinition, feeds: Collection[Feed]) -> UnderWay:
    """Return what is under way of these feeds."""
    by_key = {AssetKey(feed.asset_key): feed for feed in feeds}
    asked = backfilled_spans(instance, repository, by_key.keys())
    backfills = {by_key[key]: spans for key, spans in asked.items()}
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
        own += GOES_ON in run.tags and run.job_name == COLLECT_JOB
    return UnderWay(frozenset(held), own, following, backfills)
