"""Processes of their own that start at once: forks of one that has loaded Dagster and the project.

What commands load only when they run is loaded there, too: matplotlib takes a second of CPU each time.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.synchronize import Barrier
from typing import Any

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "pytest",
        "pandas",
        "boto3",
        "mailevents_dagster.build",
        "mailevents_dagster.cli.progress",
        "mailevents_dagster.deliverability.parts",
        "mailevents_dagster.deliverability.trace.page",
        "mailevents_dagster.health.verification",
        "mailevents_dagster.orchestration.manual_runs",
        "mailevents_dagster.summaries.reporting",
        "mailevents_dagster_tests.commands",
        "mailevents_dagster_tests.first_run",
        "mailevents_dagster_tests.projects",
    ]
)
PATIENCE = 300.0
"""Seconds after which a process that should have ended is taken for stuck."""


def side_by_side(call: Callable[..., object], *of_each: Sequence[Any]) -> list[int | None]:
    """Call it in several processes at the same moment, each with its own arguments; return their exit codes."""
    barrier = FORKS.Barrier(len(of_each))
    processes = [FORKS.Process(target=_with_the_others, args=(barrier, call, arguments)) for arguments in of_each]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    return [process.exitcode for process in processes]


def _with_the_others(barrier: Barrier, call: Callable[..., object], arguments: Sequence[Any]) -> None:
    barrier.wait(PATIENCE)
    call(*arguments)
