"""Measures how many lines of a Postfix log a second are read, understood and committed, beside pflogsumm."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Final

import click
import yaml
from measure import peak_memory
from processes import in_fresh_process

from mailevents_dagster.collecting.collector import collector_of
from mailevents_dagster.collecting.outcomes import Collected, Task
from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.maillog.simulator import lines
from mailevents_dagster.sources.maillog.source import MAILLOG

DAY: Final = Hour.from_key("2026-11-20-00:00", "UTC").start
SERVER: Final = "mx1.example.com"


def write_log(path: Path, hours: int, lines_an_hour: int) -> int:
    """Write a log of so many hours and return how many lines it has. Each hour is the same but for its stamps."""
    mails = lines_an_hour / 9
    texts = list(lines(SERVER, "postfix", DAY + 12 * 3600, DAY + 13 * 3600, "UTC", mails_per_hour=mails))
    with path.open("w", encoding="utf-8") as file:
        for number in range(hours):
            stamp = time.strftime("%b %e %H:", time.gmtime(DAY + number * 3600))
            file.writelines(f"{stamp}{text[len(stamp) :]}\n" for text in texts)
    end = DAY + hours * 3600
    os.utime(path, (end, end))
    return hours * len(texts)


def collect(folder: Path, hours: int, *, one_core: bool) -> tuple[float, float, float]:
    """Return the seconds, the seconds of CPU, and the megabytes at the peak that all hours of the log take."""
    if one_core:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    began, cpu = time.perf_counter(), time.process_time()
    for _ in collected(folder, hours):
        pass
    return time.perf_counter() - began, time.process_time() - cpu, peak_memory() / 2**20


def collected(folder: Path, hours: int) -> Iterator[Collected]:
    """Yield the hours of the log as they are collected."""
    settings = load_settings(folder / "mailevents.yaml")
    (feed, *_), collector = settings.feeds, collector_of(settings)
    asked = list(hours_between(DAY, DAY + hours * 3600, "UTC"))
    client = MAILLOG.client(settings, SERVER)
    with closing(client), Runner(collector, lambda _: client, [Task(feed, asked)]) as runner:
        for one in runner.outcomes():
            assert isinstance(one, Collected)
            yield one


def project(folder: Path) -> Path:
    """Return the log of a new project in the folder."""
    log = folder / "log" / "mail.log"
    log.parent.mkdir(parents=True)
    written = {
        "start": "2026-11-01T00:00",
        "storage": str(folder / "data"),
        "mail_logs": [{"name": SERVER, "format": "postfix", "files": f"{log}*"}],
    }
    (folder / "mailevents.yaml").write_text(yaml.safe_dump(written))
    return log


def pflogsumm(log: Path) -> float:
    began = time.perf_counter()
    subprocess.run(["pflogsumm", str(log)], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


@click.command()
@click.option("--hours", default=24, show_default=True)
@click.option("--lines-an-hour", default=40_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("--no-peer", is_flag=True, help="Leave out pflogsumm, which must be installed.")
def main(*, hours: int, lines_an_hour: int, rounds: int, no_peer: bool) -> None:
    """Collect a log hour by hour, on one core and on all, and let pflogsumm read it in between."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root) / "project"
        log = project(folder)
        count = write_log(log, hours, lines_an_hour)
        click.echo(f"{count:,} lines in {hours} hours, {log.stat().st_size / 1e6:,.0f} MB")
        found: dict[str, list[float]] = {"on one core": [], "on all cores": [], "CPU": [], "pflogsumm": []}
        peak = 0.0
        for _ in range(rounds):
            for name, one_core in (("on one core", True), ("on all cores", False)):
                shutil.rmtree(folder / "data", ignore_errors=True)
                seconds, cpu, megabytes = in_fresh_process(collect, folder, hours, one_core=one_core)
                found[name].append(seconds)
                found["CPU"] += [] if one_core else [cpu]
                peak = max(peak, megabytes)
            if not no_peer:
                found["pflogsumm"].append(pflogsumm(log))
        for name, seconds_of in found.items():
            if seconds_of:
                click.echo(f"{name:14} {count / median(seconds_of):>10,.0f} lines/s")
        if not no_peer:
            peer = median(found["pflogsumm"])
            ratios = ", ".join(f"{peer / median(found[name]):.2f} {name}" for name in ("on one core", "on all cores"))
            click.echo(f"beside pflogsumm: {ratios}")
        click.echo(f"peak {peak:,.0f} MB")


if __name__ == "__main__":
    main()
