"""Which runs are still alive: each has signed in, as long as its process is there.

Dagster's own monitoring asks the launcher, and the one that starts runs on this machine cannot tell: after a power cut
a run would count as going on forever, its feeds left alone and its place in the queue taken. Where machines share the
storage, each finds the runs of the others.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from mailevents_dagster.orchestration.runs_in_flight import is_of_feeds
from mailevents_dagster.sharing.locks import Locks

STARTS_WITHIN: Final = 300.0
"""Seconds in which a run that the daemon launched signs in. It takes ten of them, with a thousand feeds."""
POD_STARTS_WITHIN: Final = 3600.0
"""Seconds where runs have containers of their own, which wait for room and for their image."""
BEFORE_SIGNING_IN: Final = (
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
"""What a run that has not signed in can be. A queued one waits for its turn, for days if need be."""
GONE: Final = (
    "The process of this run is gone: it was killed, or its machine or pod was lost or restarted. What it had "
    "committed is kept and shown; the rest is asked for again."
)


@contextmanager
def signed_in(locks: Locks, run_id: str) -> Iterator[None]:
    """Sign in for the block, before there is a record of the run: one that is not there then is always gone."""
    sign_out = locks.sign_in(run_id)
    try:
        yield
    finally:
        sign_out()


def fail_the_gone(instance: DagsterInstance, locks: Locks, now: float) -> int:
    """Mark runs whose process is gone as failed, and return how many.

    These are runs that signed in and are not there any more, and runs of feeds that did not sign in for too long.
    """
    gone, patience = 0, _starts_within(instance)
    with locks.runs() as at_work:
        for record in instance.get_run_records(RunsFilter(statuses=list(BEFORE_SIGNING_IN))):
            run = record.dagster_run
            if not at_work.get(run.run_id, not _is_overdue(record, now - patience)):
                instance.report_run_failed(run, GONE)
                gone += 1
    return gone


def _starts_within(instance: DagsterInstance) -> float:
    """Return how long a run may take to sign in.

    Where Dagster can ask what became of a run's container and does, it alone judges those that have not begun.
    """
    if not instance.run_launcher.supports_check_run_worker_health:
        return STARTS_WITHIN
    return math.inf if instance.run_monitoring_enabled else POD_STARTS_WITHIN


def _is_overdue(record: RunRecord, launched_before: float) -> bool:
    return is_of_feeds(record.dagster_run) and record.update_timestamp.timestamp() < launched_before
