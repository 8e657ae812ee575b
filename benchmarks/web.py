"""Measures the web interface with a thousand feeds: how long it takes to start, and what its pages ask it for."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final

import click
import requests
from processes import in_fresh_process
from scale import YEARS, fill_cursors

PATIENCE: Final = 300.0
SHOWN: Final = 1000
"""Hours of one feed that are materialized; the others of two years are missing."""
FEED: Final = {"path": ["uzmanposta", "d0.example", "mail", "incominglog"]}
GROUP: Final = {
    "groupName": "d0_example",
    "repositoryName": "__repository__",
    "repositoryLocationName": "mailevents",
}
PAGES: Final[dict[str, tuple[str, dict[str, object]]]] = {
    "the catalog": ("{assetNodes{assetKey{path} groupName kinds description}}", {}),
    "the graph of all feeds": ("{assetNodes{id assetKey{path} dependencyKeys{path} dependedByKeys{path} opNames}}", {}),
    "a domain as it is now": (
        (
            "query($it: AssetGroupSelector) {assetNodes(group: $it) {id assetMaterializations(limit: 1) {timestamp} "
            "partitionStats {numMaterialized numPartitions}}}"
        ),
        GROUP,
    ),
    "the hours of a feed": (
        (
            "query($it: AssetKeyInput!) {assetNodeOrError(assetKey: $it) {... on AssetNode {partitionKeys "
            "assetPartitionStatuses {... on TimePartitionStatuses {ranges {startKey endKey status}}}}}}"
        ),
        FEED,
    ),
}
"""What some pages are made of, by what they show."""


def prepare(folder: Path, feeds: int) -> None:
    """Settings, cursors, and some hours that Dagster has as materialized; in a process of its own."""
    os.environ["DAGSTER_HOME"] = str(folder)
    fill_cursors(folder, feeds, YEARS * 8760, torn=False)
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n", encoding="utf-8")
    import dagster as dg

    from mailevents_dagster.model.hour import SECONDS, Hour, last_ended

    newest = last_ended(time.time(), "UTC")
    with dg.DagsterInstance.get() as instance:
        for back in range(SHOWN):
            key = Hour(newest.start - back * SECONDS, "UTC").key
            instance.report_runless_asset_event(dg.AssetMaterialization(dg.AssetKey(FEED["path"]), partition=key))


@contextmanager
def web_interface(folder: Path) -> Iterator[str]:
    """Its address, from when it listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    here = Path(__file__).parent.parent
    command = [str(Path(sys.executable).with_name("dagster-webserver")), "-w", str(here / "workspace.yaml")]
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(folder),
        "MAILEVENTS_CONFIG": str(folder / "mailevents.yaml"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    with (
        (folder / "web.log").open("wb") as log,
        subprocess.Popen([*command, "-p", str(port)], env=environment, stdout=log, stderr=log) as server,
    ):
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def ask(address: str, query: str, it: dict[str, object]) -> Any:
    answer = requests.post(f"{address}/graphql", json={"query": query, "variables": {"it": it}}, timeout=PATIENCE)
    answer.raise_for_status()
    said = answer.json()
    if said.get("errors"):
        raise SystemExit(f"The web interface answered: {said['errors'][0]['message']}")
    return said


def seconds_until_there(address: str) -> float:
    began = time.perf_counter()
    while True:
        try:
            ask(address, "{version}", {})
        except requests.ConnectionError:
            if time.perf_counter() - began > PATIENCE:
                raise SystemExit("The web interface did not start.") from None
            time.sleep(0.1)
        else:
            return time.perf_counter() - began


@click.command()
@click.option("--feeds", default=1000, show_default=True, type=click.IntRange(5))
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1))
def main(feeds: int, rounds: int) -> None:
    """Measure the web interface with so many feeds of two years."""
    with tempfile.TemporaryDirectory(prefix="mailevents-benchmark-") as name:
        in_fresh_process(prepare, Path(name), feeds)
        with web_interface(Path(name)) as address:
            started = seconds_until_there(address)
            click.echo(f"The web interface with {feeds:,} feeds of {YEARS} years, medians of {rounds}")
            click.echo(f"  {'started after':<24} {started:6.2f} s")
            for page, (query, it) in PAGES.items():
                taken = []
                for _ in range(rounds):
                    began = time.perf_counter()
                    ask(address, query, it)
                    taken.append(time.perf_counter() - began)
                click.echo(f"  {page:<24} {median(taken):6.2f} s")


if __name__ == "__main__":
    main()
