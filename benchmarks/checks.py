"""Measures how long the checks of an hour take: 20,000 mails with details, as they are checked after collecting."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median
from typing import Final

import click
from processes import in_fresh_process
from verify import store_in
from workload import FEED, HOUR

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.event import Collection, Detail, Event
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.simulator.records import MAKERS, with_detail

EVENTS: Final = 20_000
DAY: Final = 24
EARLIER: Final = (1, DAY, 2 * DAY, *(week * 7 * DAY for week in range(1, 7)))
"""Hours before the one that is checked which its checks look at."""


def fill(folder: Path) -> int:
    """Commits the hour and small ones before it; returns the size of its log."""
    random = Random(1)
    for before in EARLIER:
        commit(folder, Hour(HOUR.start - before * 3600, HOUR.timezone), 200, random)
    return commit(folder, HOUR, EVENTS, random)


def commit(folder: Path, hour: Hour, events: int, random: Random) -> int:
    times = sorted(random.randrange(hour.start, hour.end) for _ in range(events))
    kept = []
    for number, at in enumerate(times):
        one = with_detail(MAKERS["mail/incominglog"](random, FEED.domain, f"4bQ{number:06d}z", at))
        row = row_of("mail", one)
        kept.append(Event(at, row.identity, row.content, Detail.WHOLE, one_line(one)))
    with store_in(folder).open_hour(FEED, hour) as work:
        done = work.commit(Collection(kept, frozenset(), (), hour.end + 7200.0, closed=True, measures={}))
    return done.manifest.log.bytes


def seconds(folder: Path, rounds: int) -> list[float]:
    """What each round of all four checks took; from the first look on the files are in memory."""
    from mailevents_dagster.orchestration.checks import HourChecks

    checks = HourChecks(store_in(folder), FEED, lookback_hours=24)
    taken = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        verdicts = dict(checks.judge([HOUR]))
        taken.append(time.perf_counter() - began)
        wrong = [verdict.said for name, verdict in verdicts.items() if name != "volume_as_usual" and not verdict.passed]
        if wrong:
            raise AssertionError(f"What was just written does not pass: {wrong}")
    return taken[1:]


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1), help="How often the hour is checked.")
def main(*, rounds: int) -> None:
    """Measure how long the checks of an hour take."""
    with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
        size = in_fresh_process(fill, Path(folder))
        taken = in_fresh_process(seconds, Path(folder), rounds)
    click.echo(
        f"All four checks of an hour of {EVENTS:,} mails with details, {size / 1e6:.0f} MB of log: "
        f"{median(taken):.2f} s, median of {rounds} (from {min(taken):.2f} to {max(taken):.2f} s)."
    )


if __name__ == "__main__":
    main()
