"""Measures how fast `mailevents verify` reads what is stored: megabytes of logs a second, in one process."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Final

import click
from processes import in_fresh_process
from workload import FEED, HOUR

from mailevents_dagster.events import Collection, Detail, Event
from mailevents_dagster.jsontext import one_line
from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.simulator import GeneratedMail
from mailevents_dagster.sources.uzmanposta.simulator.details import with_detail
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import verify_hour

MB: Final = 1e6
EVENTS: Final = {"mails with details": 12_000, "rows of the listing": 100_000}
"""About 50 MB of log each."""


def store_in(folder: Path) -> Store:
    return Store(str(folder), HOUR.timezone, DEFAULT_LOG_FILE_NAME, ROW_FORMATS, scratch=folder)


def fill(folder: Path, events: int, *, details: bool) -> int:
    """Commits an hour of generated mail; returns the size of its log."""
    source = GeneratedMail(events_per_hour=events)
    kept: list[Event] = []
    for hour in range(HOUR.start, HOUR.start + 24 * 3600, 3600):
        for record in source.rows(FEED.domain, FEED.name, hour, hour + 3599)[: events - len(kept)]:
            row = row_of("mail", record)
            raw = one_line(with_detail(record)) if details and row.queue_id else row.raw
            at = HOUR.start + len(kept) * 3600 // events
            kept.append(Event(at, row.identity, row.content, Detail.WHOLE, raw))
    with store_in(folder).open_hour(FEED, HOUR) as work:
        done = work.commit(Collection(kept, frozenset(), (), HOUR.end + 7200.0, closed=True, measures={}))
    return done.manifest.log.bytes


def speeds(folder: Path, rounds: int) -> list[float]:
    """Megabytes of log a second, of each round; the files are in the page cache from the first look on."""
    store = store_in(folder)
    found = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        verified = verify_hour(store, FEED, HOUR)
        seconds = time.perf_counter() - began
        if verified.findings:
            raise AssertionError(f"what was just written is found damaged: {verified.findings}")
        found.append(verified.log_bytes / MB / seconds)
    return found[1:]


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="How often each is verified.")
def main(*, rounds: int) -> None:
    """Measure how fast stored hours are verified."""
    for name, events in EVENTS.items():
        with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
            size = in_fresh_process(fill, Path(folder), events, details=name == "mails with details")
            speed = median(in_fresh_process(speeds, Path(folder), rounds))
        click.echo(
            f"{name}: {events:,} events of {size / events:,.0f} bytes, {size / MB:.0f} MB of log; "
            f"{speed:,.0f} MB/s in one process, median of {rounds}."
        )


if __name__ == "__main__":
    main()
