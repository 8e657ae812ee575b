"""Which runs are still alive: each holds a lock that goes with its process.

Dagster's own monitoring asks the launcher, and the one that starts runs on this machine cannot tell: after a power cut
a run would count as going on forever, its feeds left alone and its place in the queue taken.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from dagster import DagsterInstance, DagsterRunStatus, RunRecord, RunsFilter

from mailevents_dagster.files.atomic import make_folder
from mailevents_dagster.files.locks import holding, try_to_take
from mailevents_dagster.orchestration.runs_in_flight import is_of_feeds

STARTS_WITHIN: Final = 300.0
"""Seconds in which a run that the daemon launched signs in. It takes ten of them, with a thousand feeds."""
BEFORE_SIGNING_IN: Final = (
    DagsterRunStatus.NOT_STARTED,
    DagsterRunStatus.STARTING,
    DagsterRunStatus.STARTED,
    DagsterRunStatus.CANCELING,
)
"""What a run that has not signed in can be. A queued one waits for its turn, for days if need be."""
GONE: Final = (
    "The process of this run is gone: it was killed, or the machine was restarted. What it had committed is kept and "
    "shown; the rest is asked for again."
)


def sign_in(folder: Path, run_id: str) -> int:
    """Say that this process works on a run, until the handle that is returned is closed or the process ends.

    Nothing signs out: the run's last word comes after its work, and whoever looks deletes the file.
    """
    make_folder(folder)
    with holding(_guard(folder)):  # so that nobody finds the file before it is locked
        handle = os.open(folder / run_id, os.O_RDWR | os.O_CREAT, 0o600)
        try_to_take(handle)  # nobody else works on this run; where it is taken, this process has signed in before
    return handle


@contextmanager
def signed_in(folder: Path, run_id: str) -> Iterator[None]:
    """Sign in for the block, before there is a record of the run: a free lock then always means that it is gone."""
    handle = sign_in(folder, run_id)
    try:
        yield
    finally:
        os.close(handle)


def fail_the_gone(instance: DagsterInstance, folder: Path, now: float) -> int:
    """Mark runs whose process is gone as failed, and return how many.

    These are runs that signed in and whose lock nobody holds, and runs of feeds that did not sign in for too long.
    """
    make_folder(folder)
    gone = 0
    with holding(_guard(folder)):
        at_work = {file.name: _is_held(file) for file in folder.iterdir()}
        for record in instance.get_run_records(RunsFilter(statuses=list(BEFORE_SIGNING_IN))):
            run = record.dagster_run
            if not at_work.get(run.run_id, not _is_overdue(record, now)):
                instance.report_run_failed(run, GONE)
                gone += 1
        for run_id, held in at_work.items():
            if not held:
                (folder / run_id).unlink(missing_ok=True)
    return gone


def _is_overdue(record: RunRecord, now: float) -> bool:
    return is_of_feeds(record.dagster_run) and now - record.update_timestamp.timestamp() > STARTS_WITHIN


def _is_held(file: Path) -> bool:
    try:
        handle = os.open(file, os.O_RDWR)
    except FileNotFoundError:  # of a run of the version before, which signs out
        return True
    try:
        return not try_to_take(handle)
    finally:
        os.close(handle)


def _guard(folder: Path) -> Path:
    return folder.with_suffix(".lock")
