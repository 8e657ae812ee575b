"""Measures what comes after the last answer of an hour, item by item, as a share of the hour's time at no latency."""

from __future__ import annotations

import os
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
from processes import in_fresh_process
from simulated_api import SimulatedApi
from workload import Task

EVENTS: Final = 10_000
BEFORE: Final = "until the commit"
ITEMS: Final = {
    "merging": [("store.hour.open_hour", "merge")],
    "records in order": [("store.hour.events.HourEvents", "_records"), ("store.hour.events", "snapshot_batch")],
    "Parquet": [("store.hour.writing", "write_snapshot")],
    "digest of the content": [("store.hour.snapshot_file", "content_of")],
    "log": [("store.hour.log.LogFile", "add"), ("store.hour.log.LogFile", "finish")],
    "flushing to disk": [("os", "fsync")],
    "manifest and cursor": [("store.hour.open_hour", "write_manifest"), ("store.feed_cursor", "write_cursor")],
    "journal": [("store.hour.journal.Journal", "discard")],
}
"""What each item is the time of, that of other items within it left out."""


class Stopwatch:
    """Time by item, none counted twice."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._within: list[float] = []

    def times(self, item: str, work: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(work)
        def timed(*arguments: Any, **named: Any) -> Any:
            began = time.perf_counter()
            self._within.append(0.0)
            try:
                return work(*arguments, **named)
            finally:
                taken = time.perf_counter() - began
                self.seconds[item] += taken - self._within.pop()
                if self._within:
                    self._within[-1] += taken

        return timed


def measure(base_url: str, folder: Path) -> tuple[float, float, dict[str, float]]:
    """Seconds of the hour, of what follows its last answer, and of each item; in a fresh process."""
    import product

    from mailevents_dagster.sources.uzmanposta.transport import Answer, Transport
    from mailevents_dagster.store.hour.open_hour import OpenHour

    get, commit = Transport.get, OpenHour.commit
    last = 0.0
    items: dict[str, float] = {}

    def noted(transport: Transport, path: str) -> Answer:
        nonlocal last
        answer = get(transport, path)
        last = time.perf_counter()
        return answer

    def watched(work: OpenHour, found: Any) -> Any:
        watch = Stopwatch()
        items[BEFORE] = time.perf_counter() - last
        undo = [_replace(place, name, watch, item) for item, places in ITEMS.items() for place, name in places]
        try:
            return commit(work, found)
        finally:
            for put_back in undo:
                put_back()
            items.update(watch.seconds)

    Transport.get = noted  # type: ignore[method-assign]
    OpenHour.commit = watched  # type: ignore[method-assign]
    began = time.perf_counter()
    product.collect(Task(base_url, folder, concurrency=8))
    ended = time.perf_counter()
    return ended - began, ended - last, items


def _replace(place: str, name: str, watch: Stopwatch, item: str) -> Callable[[], None]:
    from pydoc import locate

    owner: Any = os if place == "os" else locate(f"mailevents_dagster.{place}")
    real = getattr(owner, name)
    setattr(owner, name, watch.times(item, real))
    return lambda: setattr(owner, name, real)


@click.command()
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
def main(rounds: int) -> None:
    """Measure what comes after the last answer of an hour of 10,000 events."""
    runs = []
    with SimulatedApi(EVENTS) as api:
        for _ in range(rounds):
            with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as folder:
                runs.append(in_fresh_process(measure, api.base_url, Path(folder)))
    whole = median(run[0] for run in runs)
    after = median(run[1] for run in runs)
    click.echo(f"An hour of {EVENTS:,} events at no latency: {whole:.2f} s, medians of {rounds} rounds")
    click.echo(f"{'after the last answer':<24} {after * 1000:7.0f} ms  {after / whole:6.1%}")
    for item in (BEFORE, *ITEMS):
        seconds = median(run[2].get(item, 0.0) for run in runs)
        click.echo(f"  {item:<22} {seconds * 1000:7.0f} ms  {seconds / whole:6.1%}")


if __name__ == "__main__":
    main()
