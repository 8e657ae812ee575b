"""Measures how long a day's summaries of many domains take, and how much memory."""

from __future__ import annotations

import resource
import shutil
import tempfile
import time
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import click
from processes import in_fresh_process

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.simulator.mail import SHARE
from mailevents_dagster.sources.uzmanposta.simulator.records import MAKERS
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.counts import total
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.making import counts_of_day

DAY: Final = Day(date(2025, 6, 4), "Europe/Istanbul")
MB: Final = 1e6
KB_A_MB: Final = 1024.0
Measured = tuple[float, float, float, int]


def store_in(folder: Path) -> Store:
    return Store(str(folder), DAY.timezone, DEFAULT_LOG_FILE_NAME, FEED_KINDS, scratch=folder)


def domain(number: int) -> str:
    return f"d{number}.example"


def fill(folder: Path, domains: int, events: int) -> int:
    """Commits the day of one domain and copies it for the others; returns how many events a domain has.

    A copy is read like any other day: only its manifests name the wrong domain, and no summary looks at that.
    """
    store, random, hours, made = store_in(folder), Random(1), list(DAY.hours), 0
    for name, share in SHARE.items():
        feed, row_format = feed_of(domain(0), name), FEED_KINDS[name].rows
        wanted = round(events * share / sum(SHARE.values()))
        for place, hour in enumerate(hours):
            times = sorted(random.randrange(hour.start, hour.end) for _ in range(_part(wanted, place, len(hours))))
            records = [MAKERS[name](random, feed.domain, f"{made + n:x}Q", at) for n, at in enumerate(times)]
            kept = [row_format.event_of(one_line(record), hour.start) for record in records]
            kept.sort(key=lambda event: event.time)
            made += len(kept)
            with store.open_hour(feed, hour) as work:
                work.commit(Collection(kept, frozenset(), (), hour.end + 7200.0, closed=True, measures={}))
    for number in range(1, domains):
        for below, prefix in (("parquet", "domain="), ("manifests", "")):
            shutil.copytree(folder / below / (prefix + domain(0)), folder / below / (prefix + domain(number)))
    return made


def _part(whole: int, place: int, parts: int) -> int:
    return whole * (place + 1) // parts - whole * place // parts


def summarise(folder: Path, domains: int) -> Measured:
    """Seconds, CPU seconds and megabytes at the peak, imports included, of all summaries; and how many counts."""
    store = store_in(folder)
    began, cpu, made = time.perf_counter(), time.process_time(), 0
    for kind in KINDS.values():
        of_domains = [
            counts_of_day(store, kind, [feed_of(domain(number), name) for name in FEED_KINDS], DAY, click.echo)
            for number in range(domains)
        ]
        everything = total(of_domains)
        if not kind.numbers(everything)["complete"]:
            raise AssertionError(f"{kind.name} did not find all hours")
        made += len(everything) + sum(map(len, of_domains))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_A_MB
    return time.perf_counter() - began, time.process_time() - cpu, peak, made


def idle() -> float:
    """Megabytes of a process that has loaded all this and done nothing."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / KB_A_MB


@click.command()
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1), help="How often it is measured.")
@click.option("--domains", default=20, show_default=True, type=click.IntRange(1), help="How many domains.")
@click.option("--events", default=100_000, show_default=True, type=click.IntRange(1), help="Events of each.")
def main(*, rounds: int, domains: int, events: int) -> None:
    """Measure the daily summaries."""
    with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
        made = in_fresh_process(fill, Path(folder), domains, events)
        size = sum(file.stat().st_size for file in Path(folder, "parquet").rglob("*.parquet"))
        found: Sequence[Measured] = [in_fresh_process(summarise, Path(folder), domains) for _ in range(rounds)]
    seconds, cpu, peak, counts = map(median, zip(*found, strict=True))
    click.echo(
        f"{domains:,} domains of {made:,} events, {size / MB:,.0f} MB of Parquet: all summaries in {seconds:.1f} s, "
        f"{cpu:.1f} s of CPU, {peak:,.0f} MB at the peak, {in_fresh_process(idle):,.0f} MB of them before it began; "
        f"{counts:,.0f} counts; medians of {rounds}."
    )


if __name__ == "__main__":
    main()
