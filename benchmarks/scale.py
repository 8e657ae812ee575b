"""Measures how cost grows with feeds and with hours: loading definitions, a tick of the sensor, the status of all."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from measure import cpu_seconds, peak_memory
from processes import in_fresh_process

FEEDS = (5, 50, 200, 1000)
HOURS = (1, 24, 720, 8760)
YEARS = 2
NAMES = ("mail/incominglog", "mail/outgoinglog", "quarantine/quarantine", "quarantine/hold", "authentication")
MB = 2**20


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a process that loads the definitions and looks at the feeds took, in seconds."""

    imports: float
    definitions: float
    """Settings, definitions and repository, as a code location has them when it starts."""
    tick: float
    tick_cpu: float
    """Of it, what a processor worked: on a busy machine the rest is waiting for one."""
    next_tick: float
    """Of the same process, with no cursor changed since."""
    status: float
    peak_bytes: int


def write_settings(folder: Path, feeds: int, hours: int, storage: str = "./data") -> Path:
    """So many feeds, five an account, that began so many hours ago."""
    from datetime import UTC, datetime

    start = datetime.fromtimestamp((time.time() // 3600 - hours) * 3600, UTC)
    lines = [f"start: {start:%Y-%m-%dT%H:00}", f"storage: {storage}", "api: {base_url: simulator}", "accounts:"]
    lines += [f"  - {{domain: d{number}.example, feeds: [{', '.join(NAMES)}]}}" for number in range(feeds // 5)]
    path = folder / "mailevents.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def fill_cursors(folder: Path, feeds: int, hours: int, storage: str, *, torn: bool) -> None:
    """Cursors as they are after so many hours: all closed in one piece, or every second one missing."""
    from mailevents_dagster.sources.catalog import load_settings
    from mailevents_dagster.store.cursor_file import write_cursor
    from mailevents_dagster.store.cursors import Cursor
    from mailevents_dagster.store.opening import store_of

    settings = load_settings(write_settings(folder, feeds, hours, storage))
    store = store_of(settings)
    end = int(time.time() // 3600) * 3600
    closed = (
        tuple((end - back * 3600, end - (back - 1) * 3600) for back in range(hours, 0, -2))
        if torn
        else ((end - hours * 3600, end),)
    )
    for feed in settings.feeds:
        write_cursor(store.layout.cursor(feed), Cursor(closed=closed, newest=(end - 3600, 20)), settings.timezone)


def load(folder: Path) -> Loaded:
    """In a fresh process, which does nothing else."""
    os.environ.update({"DAGSTER_HOME": str(folder), "DAGSTER_DISABLE_TELEMETRY": "yes"})
    os.environ["MAILEVENTS_CONFIG"] = str(folder / "mailevents.yaml")
    began = time.perf_counter()
    import dagster as dg

    import mailevents_dagster.build
    import mailevents_dagster.settings

    imports = time.perf_counter() - began
    began = time.perf_counter()
    from mailevents_dagster.definitions import defs

    repository = defs.get_repository_def()
    definitions = time.perf_counter() - began
    settings = mailevents_dagster.sources.catalog.load_project()
    with dg.DagsterInstance.ephemeral() as instance:
        used = cpu_seconds()
        tick = _seconds(lambda: _tick(instance, repository))
        tick_cpu = cpu_seconds() - used
        next_tick = _seconds(lambda: _tick(instance, repository))
    from mailevents_dagster.health.status import status_of

    status = _seconds(lambda: status_of(settings, time.time(), 300.0))
    return Loaded(imports, definitions, tick, tick_cpu, next_tick, status, peak_memory())


def _tick(instance: Any, repository: Any) -> None:
    import dagster as dg

    resources = {"event_store": repository.get_top_level_resources()["event_store"]}
    with dg.build_sensor_context(instance, None, repository_def=repository, resources=resources) as context:
        repository.get_sensor_def("follow_feeds").evaluate_tick(context)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def show(title: str, sizes: Sequence[tuple[int, int]], storage: str, *, torn: bool) -> None:
    click.echo(title)
    click.echo("  feeds    hours  imports s  definitions s  tick s  CPU s  next s  status s  MB, peak")
    for feeds, hours in sizes:
        with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as name:
            folder = Path(name)
            below = storage.format(folder.name)
            in_fresh_process(fill_cursors, folder, feeds, hours, below, torn=torn)
            done = in_fresh_process(load, folder)
        click.echo(
            f"{feeds:>7,}  {hours:>7,}  {done.imports:9.2f}  {done.definitions:13.2f}  {done.tick:6.2f}  "
            f"{done.tick_cpu:5.2f}  {done.next_tick:6.2f}  {done.status:8.2f}  {done.peak_bytes / MB:8.0f}"
        )


@contextmanager
def s3() -> Iterator[str]:
    """Yield a storage on moto's server, which the processes of the benchmark speak to; `{}` in it is a folder."""
    import boto3
    from botocore.config import Config

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    keys = {"AWS_ACCESS_KEY_ID": "benchmark", "AWS_SECRET_ACCESS_KEY": "benchmark", "AWS_REGION": "us-east-1"}
    os.environ.update({**keys, "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"})
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        boto3.client("s3", config=Config(retries={"total_max_attempts": 10})).create_bucket(Bucket="benchmark")
        yield "s3://benchmark/{}"
    finally:
        server.kill()
        server.wait()


@click.command()
@click.option("--feeds", multiple=True, type=int, default=FEEDS, show_default=True)
@click.option("--hours", multiple=True, type=int, default=HOURS, show_default=True)
@click.option("--on-s3", is_flag=True, help="Keep what is stored on moto's server of S3, over loopback.")
def main(feeds: tuple[int, ...], hours: tuple[int, ...], *, on_s3: bool) -> None:
    """Measure how cost grows with feeds and hours."""
    with s3() if on_s3 else nullcontext("./data") as storage:
        show(f"Feeds of {YEARS} years, all hours closed", [(one, YEARS * 8760) for one in feeds], storage, torn=False)
        show("Hours of 5 feeds, every second one missing", [(5, one) for one in hours], storage, torn=True)


if __name__ == "__main__":
    main()
