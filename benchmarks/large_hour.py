"""Measures hours of a thousand to a million rows: time and memory of the first collection and of looking again."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import product
from dense import DenseApi
from measure import cpu_seconds, peak_memory
from processes import in_fresh_process
from speed import WrongResultError
from workload import FEED, HOUR, Task

MB = 2**20


@dataclass(frozen=True, slots=True)
class Collected:
    """One collection of the hour by a fresh process."""

    seconds: float
    cpu_seconds: float
    idle_bytes: int
    peak_bytes: int
    lines: int


def collect(base_url: str, folder: Path) -> Collected:
    from mailevents_dagster.store.hour.snapshot_file import write_snapshot  # noqa: F401 - what is imported is no cost of the hour

    idle, began, used = peak_memory(), time.perf_counter(), cpu_seconds()
    log = product.collect(Task(base_url, folder, concurrency=8, details=False))
    seconds, cpu, peak = time.perf_counter() - began, cpu_seconds() - used, peak_memory()
    with log.open("rb") as lines:
        return Collected(seconds, cpu, idle, peak, sum(1 for _ in lines))


@click.command()
@click.option("--events", multiple=True, type=int, default=[1_000, 10_000, 100_000, 1_000_000], show_default=True)
def main(events: tuple[int, ...]) -> None:
    """Measure large hours without details."""
    click.echo(f"{FEED} {HOUR}, without details")
    click.echo("    events  collection  seconds  s / 100,000  CPU s / 100,000  MB, peak  MB above idle")
    for number in events:
        with DenseApi(number) as api, tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
            for which in ("first", "again"):
                done = in_fresh_process(collect, api.base_url, Path(folder))
                if done.lines != number:
                    raise WrongResultError(f"The log has {done.lines:,} of {number:,} events.")
                of = number / 100_000
                click.echo(
                    f"{number:>10,}  {which:<10}  {done.seconds:7.2f}  {done.seconds / of:11.2f}  "
                    f"{done.cpu_seconds / of:15.2f}  {done.peak_bytes / MB:8.0f}  "
                    f"{(done.peak_bytes - done.idle_bytes) / MB:13.0f}"
                )


if __name__ == "__main__":
    main()
