"""Measures what a cron line pays beside its collecting: the time to its first call, and that after its last."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Final

import click

from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, Request, Simulator

DOMAINS: Final = ("a.example", "b.example")
HOURS: Final = 3
SETTINGS: Final = """\
start: {start}
storage: ./data
api: {{base_url: "{base_url}"}}
accounts:
"""
ACCOUNT: Final = "  - {{domain: {domain}, api_key: '${{KEY}}', feeds: [authentication, mail/incominglog]}}\n"


def timed(command: list[str], environ: Mapping[str, str]) -> tuple[float, float]:
    """Run a command and return when it began and when it had ended."""
    began = time.monotonic()
    done = subprocess.run(command, env=environ, cwd="/", capture_output=True, text=True, check=False)
    ended = time.monotonic()
    if done.returncode not in (0, 3):  # 3: nothing to do
        raise click.ClickException(f"{command} ended with {done.returncode}: {done.stderr}")
    return began, ended


def set_up(folder: Path, base_url: str) -> dict[str, str]:
    """Write settings that begin some hours ago and return the environment of the command."""
    start = Hour.containing(time.time() - HOURS * SECONDS, "UTC").stamp("%Y-%m-%dT%H:%M")
    accounts = "".join(ACCOUNT.format(domain=domain) for domain in DOMAINS)
    file = folder / "mailevents.yaml"
    file.write_text(SETTINGS.format(start=start, base_url=base_url) + accounts)
    return {
        **os.environ,
        "MAILEVENTS_CONFIG": str(file),
        "KEY": "a-key-of-the-simulator",
        "DAGSTER_HOME": str(folder / ".dagster"),
    }


@click.command(help=__doc__)
@click.option("--pairs", type=click.IntRange(1, 1000), default=20, show_default=True)
def main(pairs: int) -> None:
    calls: list[float] = []

    def note(_: Request) -> bool:
        calls.append(time.monotonic())
        return False

    python, collect = sys.executable, str(Path(sys.executable).parent / "mailevents")
    imports, firsts, ends = list[float](), list[float](), list[float]()
    with tempfile.TemporaryDirectory() as folder, Simulator(Behaviour(events_per_hour=20), domains=DOMAINS) as api:
        environ = set_up(Path(folder), api.base_url)
        timed([collect, "collect"], environ)
        api.fail_next(note, Answer(), times=None)
        for number in range(pairs):
            began, ended = timed([python, "-c", "import dagster"], environ)
            imports.append(ended - began)
            calls.clear()
            began, ended = timed([collect, "collect", "--quiet"], environ)
            firsts.append(calls[0] - began)
            ends.append(ended - calls[-1])
            click.echo(f"{number + 1} of {pairs}: {imports[-1]:.2f}, {firsts[-1]:.2f}, {ends[-1]:.2f} s", err=True)
    click.echo(f"importing Dagster       {median(imports):.2f} s")
    click.echo(f"start to first call     {median(firsts):.2f} s, {median(firsts) / median(imports):.2f} of that")
    click.echo(f"last call to the end    {median(ends):.2f} s")


if __name__ == "__main__":
    main()
