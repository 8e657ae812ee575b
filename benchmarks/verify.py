"""Measures how fast `mailevents verify` reads what is stored: megabytes of logs a second, in one process."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, Final

import click
from processes import in_fresh_process
from workload import FEED, HOUR

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.event import Collection, Detail, Event
from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.simulator import words
from mailevents_dagster.sources.uzmanposta.simulator.records import MAKERS, with_detail
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import verify_hour

MB: Final = 1e6
EVENTS: Final = {"mails with details": 12_000, "rows of a listing": 150_000}
"""About 70 and 60 MB of log."""


def store_in(folder: Path) -> Store:
    return Store(str(folder), HOUR.timezone, DEFAULT_LOG_FILE_NAME, FEED_KINDS, scratch=folder)


def fill(folder: Path, name: str) -> int:
    """Commits an hour of such records; returns the size of its log."""
    random = Random(1)
    record = detailed if name == "mails with details" else bare
    times = sorted(random.randrange(HOUR.start, HOUR.end) for _ in range(EVENTS[name]))
    kept = []
    for number, at in enumerate(times):
        one = record(random, f"4bQ{number:06d}z", at)
        row = row_of("mail", one)
        kept.append(Event(at, row.identity, row.content, Detail.WHOLE, one_line(one)))
    with store_in(folder).open_hour(FEED, HOUR) as work:
        done = work.commit(Collection(kept, frozenset(), (), HOUR.end + 7200.0, closed=True, measures={}))
    return done.manifest.log.bytes


def detailed(random: Random, queue_id: str, time: int) -> dict[str, Any]:
    """A mail with its detail, whose log is as long as that of servers that say more: 4 to 10 kB."""
    one = with_detail(MAKERS["mail/incominglog"](random, FEED.domain, queue_id, time))
    for number in range(random.randrange(10, 50)):
        line = f"{queue_id}: check {number} of {random.getrandbits(64):016x}: {random.choice(words.OUTCOMES)[2]}"
        one["logs"].append({"time": time, "host": "mx1.posta.example", "program": "filter", "line": line})
    return one


def bare(random: Random, queue_id: str, time: int) -> dict[str, Any]:
    """A row of a listing with one recipient and few fields: about 400 bytes."""
    one = MAKERS["mail/incominglog"](random, FEED.domain, queue_id, time)
    recipients = (
        [{name: one["recipients"][0][name] for name in ("time", "mailto", "status")}] if one.get("recipients") else []
    )
    names = ("message_id", "time", "domain", "mailfrom", "subject", "size", "srcip")
    return {"queue_id": queue_id, **{name: one[name] for name in names}, "recipients": recipients}


def speeds(folder: Path, rounds: int) -> list[tuple[float, float]]:
    """Megabytes of log for each second of time and of CPU, by round; from the first look on the files are in memory."""
    store = store_in(folder)
    found = []
    for _ in range(rounds + 1):
        began, cpu = time.perf_counter(), time.process_time()
        verified = verify_hour(store, FEED, HOUR)
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        if verified.findings:
            raise AssertionError(f"What was just written is found damaged: {verified.findings}")
        found.append((verified.log_bytes / MB / seconds, verified.log_bytes / MB / cpu))
    return found[1:]


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="How often each is verified.")
def main(*, rounds: int) -> None:
    """Measure how fast stored hours are verified."""
    for name, events in EVENTS.items():
        with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
            size = in_fresh_process(fill, Path(folder), name)
            speed, of_cpu = map(median, zip(*in_fresh_process(speeds, Path(folder), rounds), strict=True))
        click.echo(
            f"{name}: {events:,} events of {size / events:,.0f} bytes, {size / MB:.0f} MB of log; in one process "
            f"{speed:,.0f} MB/s, {of_cpu:,.0f} MB for each second of CPU; medians of {rounds}."
        )


if __name__ == "__main__":
    main()
