"""Measures what a feed costs an hour, and works out what many domains come to: the numbers of docs/scaling.md."""

from __future__ import annotations

import os
import sqlite3
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import click
import dagster as dg
from dense import DenseMail
from growth_plan import Costs, Prices, Size, show
from measure import cpu_seconds, peak_memory
from processes import ServingProcess, in_fresh_process

from mailevents_dagster.model.hour import SECONDS, Hour, last_ended
from mailevents_dagster.orchestration.run_requests import range_tags
from mailevents_dagster.orchestration.runs_in_flight import COLLECT_JOB, FOLLOW_JOB, RECONCILE_JOB
from mailevents_dagster.sources.uzmanposta.simulator import Simulator

NAMES: Final = ("mail/incominglog", "mail/outgoinglog", "quarantine/quarantine", "quarantine/hold", "authentication")
VARIABLE: Final = "MAILEVENTS_BENCHMARK_KEY"
SETTINGS: Final = """\
timezone: UTC
start: {start}
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: null, max_parallel_details: 8}}
accounts:
"""
KB: Final = 1000.0
MB: Final = 2**20


@dataclass(frozen=True, slots=True)
class Step:
    """What a run took, and what it left behind."""

    name: str
    feed_hours: int
    calls: int
    events: int
    cpu: float
    seconds: float
    rows: int
    """Of Dagster's event log."""
    home_bytes: int
    """Of DAGSTER_HOME: the databases of runs, the index, what runs printed."""
    stored_bytes: int
    """On the disk, where a file takes whole blocks."""

    def line(self) -> str:
        hours = self.feed_hours
        return (
            f"{self.name:<34} {hours:>6,} {self.calls / hours:>7.1f} {self.events / hours:>7.1f} "
            f"{1000 * self.cpu / hours:>8.0f} {self.rows / hours:>7.2f} {self.home_bytes / hours / KB:>7.1f} "
            f"{self.stored_bytes / hours / KB:>7.1f}"
        )


HEAD: Final = (
    f"{'run':<34} {'hours':>6} {'calls':>7} {'events':>7} {'CPU ms':>8} {'rows':>7} {'log kB':>7} {'kept kB':>7}"
)


class EvenMail:
    """As many mails and sign-ins in each hour, and a tenth of that in quarantine, for every domain."""

    def __init__(self, events: int, first: int) -> None:
        self._mail = DenseMail(events, 10_000, first)
        self._few = DenseMail(max(1, events // 10), 10_000, first)

    def rows(self, domain: str, feed_name: str, start: int, end: int) -> Any:
        rows = (self._few if feed_name.startswith("quarantine") else self._mail).rows(domain, feed_name, start, end)
        if feed_name.startswith("mail"):
            return rows
        return [
            {"time": row["time"], "email": f"user{row['size'] % 89}@{domain}", "id": row["queue_id"]} for row in rows
        ]

    def detail(self, queue_id: str, time: int) -> Any:
        return self._mail.detail(queue_id, time)


class DomainsApi(ServingProcess):
    """The simulated API; says how many calls it has answered so far."""

    def __init__(self, events: int, first: int) -> None:
        super().__init__(_serve, events, first)

    @property
    def connection(self) -> Connection:
        return self._connection


def _serve(connection: Connection, events: int, first: int) -> None:
    with Simulator(source=EvenMail(events, first)) as simulator, suppress(EOFError):
        connection.send(simulator.base_url)
        while True:
            connection.recv()
            connection.send(len(simulator.calls))


class Measuring:
    """A project of so many domains, and what each of its runs takes; in a process that does nothing else."""

    def __init__(self, folder: Path, base_url: str, domains: int, first: int, calls: Connection) -> None:
        from mailevents_dagster.build import build_defs
        from mailevents_dagster.sources.catalog import load_settings

        os.environ.update({VARIABLE: "benchmark", "DAGSTER_HOME": str(folder / "home")})
        self._folder, self._calls = folder, calls
        text = SETTINGS.format(start=Hour(first, "UTC").stamp("%Y-%m-%dT%H:%M"), base_url=base_url)
        lines = [
            f"  - {{domain: d{number}.example, api_key: '${{{VARIABLE}}}', feeds: [{', '.join(NAMES)}]}}\n"
            for number in range(domains)
        ]
        (folder / "mailevents.yaml").write_text(text + "".join(lines), encoding="utf-8")
        self.settings = load_settings(folder / "mailevents.yaml")
        self._repository = build_defs(self.settings).get_repository_def()

    def run(self, name: str, job: str, hours: Sequence[Hour], instance: dg.DagsterInstance) -> Step:
        """Run the job, over these hours where it takes any, as sensor and schedule have it run."""
        wanted: Any = self._repository.get_job(job)
        which: dict[str, Any] = {}
        if job == COLLECT_JOB:
            keys = {dg.AssetKey(feed.asset_key) for feed in self.settings.feeds}
            wanted = wanted.get_subset(asset_selection=keys, asset_check_selection=set())
            which = {"partition_key": hours[0].key} if len(hours) == 1 else {"tags": range_tags(hours[0], hours[-1])}
        before, cpu, began = self._state(), cpu_seconds(), time.perf_counter()
        loggers = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
        result = wanted.execute_in_process(instance=instance, run_config=loggers, **which)
        spent, passed = cpu_seconds() - cpu, time.perf_counter() - began
        if not result.success:
            raise SystemExit(f"The run {name} failed.")
        rows, home, stored, calls = (one - other for one, other in zip(self._state(), before, strict=True))
        feed_hours = len(hours) * len(self.settings.feeds)
        return Step(name, feed_hours, calls, self._events(hours), spent, passed, rows, home, stored)

    def _state(self) -> tuple[int, int, int, int]:
        home = self._folder / "home"
        rows = sum(map(_rows, home.glob("history/runs/*.db")))
        self._calls.send(None)
        return rows, _bytes(home), _bytes(self._folder / "data"), self._calls.recv()

    def _events(self, hours: Sequence[Hour]) -> int:
        from mailevents_dagster.store.opening import store_of

        store = store_of(self.settings)
        found = [store.manifest(feed, hour) for feed in self.settings.feeds for hour in hours]
        return sum(one.events for one in found if one)


def _rows(database: Path) -> int:
    """Count the rows of the event log in a database, and have it give back what its journal takes."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'event_logs'").fetchone()
        return int(connection.execute("SELECT count(*) FROM event_logs").fetchone()[0]) if known else 0


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


def measure(folder: Path, base_url: str, domains: int, first: int, calls: Connection) -> tuple[list[Step], float]:
    """What the kinds of runs of a day take, and the most memory in MB."""
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    here = Measuring(folder, base_url, domains, first, calls)
    newest = last_ended(time.time() - 600, "UTC")
    day = [Hour(newest.start - back * SECONDS, "UTC") for back in range(25, 1, -1)]
    with dg.DagsterInstance.get() as instance:
        here.run("first", COLLECT_JOB, [newest.previous], instance)  # makes the databases
        steps = [
            here.run("close_hours: one hour", COLLECT_JOB, [newest], instance),
            here.run("follow: the hour now running", FOLLOW_JOB, [newest.next], instance),
            here.run("follow again: little is new", FOLLOW_JOB, [newest.next], instance),
            here.run("catching up: 24 hours", COLLECT_JOB, day[:-1], instance),
            here.run("reconcile: 24 hours, unchanged", RECONCILE_JOB, day, instance),
        ]
    return steps, peak_memory() / MB


def costs_of(steps: Sequence[Step], look_ms: float) -> Costs:
    """What one feed costs, from what its runs took."""
    close, _, follow, *_ = steps
    row_bytes = close.home_bytes / max(1, close.rows)
    return Costs(
        follow_cpu=follow.cpu / follow.feed_hours,
        close_cpu=close.cpu / close.feed_hours,
        rows_an_hour=close.rows / close.feed_hours,
        row_bytes=row_bytes,
        kept_bytes=close.stored_bytes / close.feed_hours,
        look_seconds=look_ms / 1000,
    )


@click.command()
@click.option("--domains", default=10, show_default=True, type=click.IntRange(1), help="Of five feeds each, measured.")
@click.option("--events", default=20, show_default=True, type=click.IntRange(1), help="Mails of a feed in an hour.")
@click.option("--look-ms", default=2.0, show_default=True, help="The sensor's look at a feed: benchmarks/scale.py.")
@click.option("--planned", multiple=True, type=(int, float), default=((1000, 15), (10_000, 60)), show_default=True)
@click.option("--prices", type=(float, float, float), default=(0.005, 0.0004, 0.023), show_default=True)
def main(
    domains: int,
    events: int,
    look_ms: float,
    planned: Sequence[tuple[int, float]],
    prices: tuple[float, float, float],
) -> None:
    """Measure what a feed costs an hour, and work out what many domains come to, followed every so many minutes."""
    first = int(time.time()) // SECONDS * SECONDS - 48 * SECONDS
    with DomainsApi(events, first) as api, tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as name:
        steps, peak = in_fresh_process(measure, Path(name), api.base_url, domains, first, api.connection)
    click.echo(f"{domains} domains of {len(NAMES)} feeds, {events} mails an hour and feed of mails; by feed and hour\n")
    click.echo("\n".join([HEAD, *(step.line() for step in steps)]))
    click.echo(f"\nmost memory of the process: {peak:.0f} MB; load of the machine: {os.getloadavg()[1]:.1f}")
    for many, minutes in planned:
        show(Size(many, len(NAMES), 2, events, minutes), costs_of(steps, look_ms), Prices(*prices))


if __name__ == "__main__":
    main()
