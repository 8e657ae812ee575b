"""Collects a Postfix log of 10 GB, hour by hour, and says of each part of it what it took: all should take the same."""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click
from mail_log import SERVER, collected, project, write_log
from measure import STATUS, peak_memory
from processes import in_fresh_process

GIGABYTE: Final = 10**9


@dataclass(frozen=True, slots=True)
class Part:
    """Some of the hours, collected one after the other."""

    hours: int
    seconds: float
    cpu_seconds: float
    peak: int
    """The most memory that the process had used by then, in bytes."""
    memory: str
    """What it uses now, in all and without the files that it has mapped."""


def collect(folder: Path, hours: int, parts: int) -> list[Part]:
    """Collect the whole log and return what each part of it took."""
    found, size = [], -(-hours // parts)
    began, used = time.perf_counter(), time.process_time()
    for number, _ in enumerate(collected(folder, hours), 1):
        if number % size and number != hours:
            continue
        now, cpu = time.perf_counter(), time.process_time()
        found.append(Part((number - 1) % size + 1, now - began, cpu - used, peak_memory(), memory()))
        print(f"{number} of {hours} hours, {found[-1]}", file=sys.stderr, flush=True)
        began, used = now, cpu
    return found


def memory() -> str:
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return ", ".join(f"{name} {int(lines[name].split()[0]) / 1024:.0f}" for name in ("VmRSS", "RssAnon"))


@click.command()
@click.option("--gigabytes", default=10.0, show_default=True)
@click.option("--lines-an-hour", default=40_000, show_default=True)
@click.option("--parts", default=20, show_default=True)
def main(*, gigabytes: float, lines_an_hour: int, parts: int) -> None:
    """Collect a log of so many gigabytes on all cores. It takes two and a half times as much room on the disk."""
    with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as root:
        folder = Path(root) / "project"
        log = project(folder)
        write_log(log, 1, lines_an_hour)
        hours = -(-int(gigabytes * GIGABYTE) // log.stat().st_size)
        count = write_log(log, hours, lines_an_hour)
        click.echo(f"{count:,} lines in {hours} hours, {log.stat().st_size / 1e6:,.0f} MB of {SERVER}")
        found = in_fresh_process(collect, folder, hours, parts)
    click.echo("hours   lines/s   CPU s / million lines   MB, peak")
    for part in found:
        lines = part.hours * count / hours
        click.echo(
            f"{part.hours:5} {lines / part.seconds:>9,.0f} {part.cpu_seconds / lines * 1e6:>23.2f}"
            f" {part.peak / 2**20:>10,.0f}"
        )


if __name__ == "__main__":
    main()
