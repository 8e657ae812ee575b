"""Which runs are still there: each holds a lock that goes with its process.

Dagster's own monitoring asks the launcher, and the one that starts runs on this machine cannot tell: after a power cut
a run would count as going on for ever, its feeds left alone and its place in the queue taken.
"""

import os
import time
from pathlib import Path
from typing import Final

from dagster import DagsterInstance, DagsterRunStatus

from mailevents_dagster.filelocks import try_to_take
from mailevents_dagster.store.atomic import make_folder

SIGNING_IN: Final = 2.0
"""Seconds that lie at the most between making the file and taking its lock."""
ENDED: Final = b"ended"
GONE: Final = (
    "The process of this run is gone: it was killed, or the machine was restarted. What it had committed is kept and "
    "shown; the rest is asked for again."
)


def sign_in(folder: Path, run_id: str) -> int:
    """Says that this process is at work on a run; returns what to sign out with."""
    make_folder(folder)
    handle = os.open(folder / run_id, os.O_RDWR | os.O_CREAT, 0o600)
    try_to_take(handle)  # nobody else works on this run; a second step of it in this process holds the lock already
    return handle


def sign_out(folder: Path, run_id: str, handle: int) -> None:
    """Says that the run's work is over; who finds the file without its lock, before it is gone, knows by the word."""
    os.write(handle, ENDED)
    os.close(handle)
    (folder / run_id).unlink(missing_ok=True)


def fail_the_gone(instance: DagsterInstance, folder: Path) -> int:
    """Marks runs as failed that signed in and whose process is gone; returns how many."""
    gone = 0
    for signed_in in folder.iterdir() if folder.exists() else ():
        said = _left_behind(signed_in)
        if said is None:
            continue
        run = None if said == ENDED else instance.get_run_by_id(signed_in.name)
        if run and run.status is DagsterRunStatus.STARTED:
            instance.report_run_failed(run, GONE)
            gone += 1
        signed_in.unlink(missing_ok=True)
    return gone


def _left_behind(signed_in: Path) -> bytes | None:
    """What the file says, where nobody holds its lock nor is about to take it; None otherwise."""
    try:
        handle = os.open(signed_in, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        is_left = time.time() - os.fstat(handle).st_mtime > SIGNING_IN and try_to_take(handle)
        return os.read(handle, len(ENDED)) if is_left else None
    finally:
        os.close(handle)
