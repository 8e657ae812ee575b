"""Measures how a backlog is caught up by Dagster's daemon, as a share of what the sources' rates allow."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import click
from dense import DenseMail
from processes import ServingProcess, receive

from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster.store.cursors import hours_in
from mailevents_dagster.store.opening import store_of

PROJECT: Final = Path(__file__).parent.parent
LOOK_EVERY: Final = 5.0
SAY_EVERY: Final = 30.0
LATENCY: Final = 0.05
SETTINGS: Final = """\
timezone: UTC
start: {start}
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: {rate}}}
accounts:
"""
ACCOUNT: Final = "  - {{domain: d{number}.example, api_key: '${{{variable}}}', feeds: [mail/incominglog]}}\n"
VARIABLE: Final = "MAILEVENTS_BENCHMARK_KEY_{}"


@dataclass(frozen=True, slots=True)
class Backlog:
    """Hours of so many feeds, each with a key of its own, behind an API that allows each so many requests a second."""

    feeds: int
    hours: int
    events: int
    rate: float

    @property
    def ideal_seconds(self) -> float:
        """With the fewest calls, one a mail and one an hour, and all feeds at once."""
        return self.hours * (self.events + 1) / self.rate


class QuietApi(ServingProcess):
    """The API with as many mails in each hour from `first` on; says how many calls it has answered, and refused."""

    def __init__(self, backlog: Backlog, first: int) -> None:
        super().__init__(_serve, backlog, first)

    def calls(self) -> tuple[int, int]:
        self._connection.send(None)
        counted: tuple[int, int] = receive(self._connection)
        return counted


def _serve(connection: Connection, backlog: Backlog, first: int) -> None:
    behaviour = Behaviour(latency_seconds=LATENCY, requests_per_second=backlog.rate)
    mail = DenseMail(backlog.events, backlog.hours + 48, first)  # hours go on to end while it is measured
    with Simulator(behaviour, source=mail) as simulator, suppress(EOFError):
        connection.send(simulator.base_url)
        while True:
            connection.recv()
            refused = simulator.calls.count(status=429)
            connection.send((len(simulator.calls) - refused, refused))


def write_settings(folder: Path, backlog: Backlog, first: int, base_url: str) -> Settings:
    start = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(first))
    text = SETTINGS.format(start=start, base_url=base_url, rate=backlog.rate)
    for number in range(backlog.feeds):
        variable = VARIABLE.format(number)
        os.environ[variable] = f"benchmark-{number}"
        text += ACCOUNT.format(number=number, variable=variable)
    path = folder / "mailevents.yaml"
    path.write_text(text, encoding="utf-8")
    return load_settings(path)


@contextmanager
def daemon(folder: Path) -> Iterator[None]:
    """Dagster's daemon as it is shipped, with the code server and the runs that it starts."""
    home = folder / "home"
    home.mkdir()
    shutil.copy(PROJECT / "dagster.yaml", home)
    own = {"DAGSTER_HOME": str(home), "MAILEVENTS_CONFIG": str(folder / "mailevents.yaml"), "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "dagster._daemon", "run", "-m", "mailevents_dagster.definitions"]
    with (folder / "daemon.log").open("wb") as log:
        started: subprocess.Popen[Any] = subprocess.Popen(
            command, cwd=home, env=os.environ | own, stdout=log, stderr=log, start_new_session=True
        )
        try:
            yield
        finally:
            with suppress(ProcessLookupError):
                os.killpg(started.pid, signal.SIGKILL)
            started.wait()


def hours_closed(settings: Settings, first: int, end: int) -> int:
    """Count the hours of all feeds that are closed."""
    store = store_of(settings)
    cursors = [store.cursor(feed) for feed in settings.feeds]
    return sum(hours_in([(max(start, first), min(until, end))]) for cursor in cursors for start, until in cursor.closed)


def measure(backlog: Backlog, folder: Path, longest: float) -> None:
    end = int(time.time() - 600) // SECONDS * SECONDS
    first = end - backlog.hours * SECONDS
    wanted = backlog.hours * backlog.feeds
    with QuietApi(backlog, first) as api:
        settings = write_settings(folder, backlog, first, api.base_url)
        began = said = time.perf_counter()
        first_call = None
        with daemon(folder):
            while (done := hours_closed(settings, first, end)) < wanted:
                if first_call is None and api.calls()[0]:
                    first_call = time.perf_counter()
                passed = time.perf_counter() - began
                if passed > longest:
                    break
                if time.perf_counter() - said > SAY_EVERY:
                    said = time.perf_counter()
                    click.echo(f"{passed:6,.0f} s: {done:,} of {wanted:,} hours, {api.calls()[0]:,} calls", err=True)
                time.sleep(LOOK_EVERY)
            seconds = time.perf_counter() - began
            started = (first_call or began) - began
            calls, refused = api.calls()
    ideal = backlog.ideal_seconds * done / wanted
    click.echo(
        f"{done:,} of {wanted:,} hours of {backlog.feeds} feeds in {seconds:,.0f} s, from the start of the daemon on: "
        f"{ideal / seconds:.2f} of what {backlog.rate:g} requests a second allow, "
        f"{ideal / (seconds - started):.2f} from the first call on, {started:,.0f} s later. {calls:,} calls, "
        f"{refused:,} refused; load of the machine at the end {os.getloadavg()[1]:.1f}"
    )


@click.command()
@click.option("--days", default=30.0, show_default=True, type=click.FloatRange(0.1))
@click.option("--feeds", default=10, show_default=True, type=click.IntRange(1))
@click.option("--events", default=20, show_default=True, type=click.IntRange(1), help="Of each hour and feed.")
@click.option("--rate", default=10.0, show_default=True, type=click.FloatRange(1), help="Requests a second of a key.")
@click.option(
    "--longest", default=7200.0, show_default=True, help="Seconds after which it ends and says how far it is."
)
@click.option("--keep", type=click.Path(path_type=Path), help="A folder to leave the project in, to look at.")
def main(days: float, feeds: int, events: int, rate: float, longest: float, keep: Path | None) -> None:
    """Measure how a backlog is caught up."""
    backlog = Backlog(feeds, round(days * 24), events, rate)
    click.echo(f"The rate allows {backlog.ideal_seconds:,.0f} s.", err=True)
    with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as name:
        folder = Path(name)
        try:
            measure(backlog, folder, longest)
        finally:
            if keep:
                shutil.copytree(folder, keep, ignore_dangling_symlinks=True, dirs_exist_ok=True)


if __name__ == "__main__":
    main()
