"""Memory of Dagster runs over one hour and over several: the second should need no more than the first."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from processes import in_fresh_process
from range_run import RangeRun, run_range
from simulated_api import SimulatedApi
from speed import WrongResultError

EVENTS: Final = 20_000
"""Mails of the busiest hour."""


def measure_range_runs(hours: int, tell: Callable[[str], None]) -> Iterable[RangeRun]:
    """A run over one hour of EVENTS mails, then one over several hours of up to as many."""
    for many in sorted({1, hours}):
        tell(f"memory: a Dagster run over {many} h of up to {EVENTS:,} mails ...")
        with SimulatedApi(EVENTS, hours=many) as api:
            with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
                run = in_fresh_process(run_range, api.base_url, many, Path(folder))
            if run.events_by_hour != api.events_by_hour():
                raise WrongResultError(f"The run over {many} h committed {run.events_by_hour} events.")
        yield run
