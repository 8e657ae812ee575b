"""Measures runs over many small hours, as backfills are: what is lost between one hour and the next."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import click
from dense import DenseApi
from processes import in_fresh_process
from range_run import run_range


@dataclass(frozen=True, slots=True)
class Backfill:
    """Hours of mail, all alike, behind an API that answers after so long and allows so many requests."""

    hours: int
    mails: int
    latency: float
    parallel: int
    rate: float | None = None

    @property
    def ideal_seconds(self) -> float:
        """With the fewest calls: one a mail, one for each started thousand of them, and one more an hour."""
        calls = self.hours * (self.mails + -(-self.mails // 1000) + 1)
        return max(calls / self.rate if self.rate else 0.0, calls * self.latency / self.parallel)

    def __str__(self) -> str:
        limit = f"{self.rate:g} requests/s" if self.rate else f"{self.parallel} at a time"
        return f"{self.hours} hours of {self.mails} mails, {self.latency * 1000:.0f} ms, {limit}"


BACKFILLS: Final = (Backfill(24, 200, 0.05, 16), Backfill(12, 100, 0.1, 8, rate=50), Backfill(24, 20, 0.1, 8, rate=10))


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
def main(rounds: int) -> None:
    """Measure runs over many small hours."""
    for one in BACKFILLS:
        seconds = median(_run(one) for _ in range(rounds))
        share = one.ideal_seconds / seconds
        click.echo(f"{one!s:<54} {seconds:6.2f} s, {share:.2f} of the ideal (median of {rounds})")


def _run(one: Backfill) -> float:
    with (
        DenseApi(one.mails, one.hours, one.latency, one.rate) as api,
        tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as name,
    ):
        run = in_fresh_process(run_range, api.base_url, one.hours, Path(name), one.parallel, one.rate)
    if run.events_by_hour != [one.mails] * one.hours:
        raise SystemExit(f"A run committed {run.events_by_hour} events.")
    return run.seconds


if __name__ == "__main__":
    main()
