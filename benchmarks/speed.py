"""Speed and cost of collecting an hour: product and baseline in turn, each in a fresh process, checked for truth."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import baseline
import product
from measure import Collect, Measured, measure
from processes import in_fresh_process
from simulated_api import Served, SimulatedApi, Truth
from workload import Task

PAGE: Final = 1000
PRODUCT: Final = "product"
BASELINE: Final = "baseline"
COLLECTORS: Final[dict[str, Collect]] = {PRODUCT: product.collect, BASELINE: baseline.collect}


class WrongResultError(AssertionError):
    """A collector kept something else than what the simulated API holds."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One setting to measure."""

    events: int
    latency: float
    concurrency: int
    rate: float | None = None

    def __str__(self) -> str:
        rate = f", {self.rate:g} requests/s" if self.rate else ""
        return f"{self.latency * 1000:.0f} ms, {self.concurrency} at a time{rate}"

    def ideal_seconds(self, truth: Truth) -> float:
        """How long the fewest calls must take, whoever makes them; zero where nothing holds them up."""
        calls = truth.mails + -(-truth.events // PAGE)
        return max(calls / self.rate if self.rate else 0.0, calls * self.latency / self.concurrency)


ALL_CELLS: Final = (
    *(Cell(4000, 0.0, concurrency) for concurrency in (2, 8, 16)),
    *(Cell(4000, 0.05, concurrency) for concurrency in (8, 16, 32)),
    Cell(1200, 0.1, 8, rate=50),
)
QUICK_CELLS: Final = (Cell(4000, 0.0, 8), Cell(4000, 0.05, 16))


@dataclass(frozen=True, slots=True)
class Side:
    """One collector in one cell: medians over the rounds, and the calls of the last."""

    events_per_second: float
    of_ideal: float | None
    cpu_per_1000: float
    idle_bytes: float
    peak_bytes: float
    served: Served


@dataclass(frozen=True, slots=True)
class Result:
    """A cell, measured."""

    cell: Cell
    truth: Truth
    sides: dict[str, Side]


def collected(api: SimulatedApi, collect: Collect, concurrency: int, **how: Any) -> Measured:
    """One collection by a fresh process into a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
        return in_fresh_process(measure, collect, Task(api.base_url, Path(folder), concurrency, **how))


def measure_cells(cells: Sequence[Cell], rounds: int, tell: Callable[[str], None]) -> Iterable[Result]:
    """Each cell with a simulated API of its own; the collectors take turns, so that a slow minute meets both."""
    runs, done = len(cells) * rounds * len(COLLECTORS), 0
    for cell in cells:
        measured: dict[str, list[Measured]] = {name: [] for name in COLLECTORS}
        served: dict[str, Served] = {}
        with SimulatedApi(cell.events, latency=cell.latency, rate=cell.rate) as api:
            truth = api.truth()
            for _ in range(rounds):
                for name in COLLECTORS:
                    one = collected(api, COLLECTORS[name], cell.concurrency, rate=cell.rate)
                    if one.fingerprint != truth.fingerprint:
                        raise WrongResultError(f"{cell}, {name}: its log is not what the simulated API holds.")
                    measured[name].append(one)
                    served[name] = api.served()
                    done += 1
                    speed, cpu = truth.events / one.seconds, one.cpu_seconds / truth.events * 1000
                    tell(f"[{done}/{runs}] {cell}, {name}: {speed:,.0f} events/s, {cpu:.2f} CPU s per 1,000")
        yield Result(cell, truth, {name: _side(cell, truth, measured[name], served[name]) for name in COLLECTORS})


def _side(cell: Cell, truth: Truth, runs: Sequence[Measured], served: Served) -> Side:
    seconds = median(run.seconds for run in runs)
    ideal = cell.ideal_seconds(truth)
    return Side(
        events_per_second=truth.events / seconds,
        of_ideal=ideal / seconds if ideal else None,
        cpu_per_1000=median(run.cpu_seconds for run in runs) / truth.events * 1000,
        idle_bytes=median(run.idle_bytes for run in runs),
        peak_bytes=median(run.peak_bytes for run in runs),
        served=served,
    )
