"""The `mailevents` command. Modules that load Dagster are imported where they are needed: help must be quick."""

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.status import FeedStatus

SHOWN_CHARACTERS: Final = 100


@click.group()
@click.version_option(package_name="mailevents-dagster")
def main() -> None:
    """Complete, ordered hourly records of mail events."""


@main.command()
def demo() -> None:
    """Collect the last three closed hours of two simulated domains and show what came of it."""
    from mailevents_dagster.demo import DemoRefusedError, run_demo
    from mailevents_dagster.settings import SettingsError

    try:
        succeeded = run_demo()
    except (DemoRefusedError, SettingsError) as error:
        raise click.UsageError(str(error)) from error
    sys.exit(0 if succeeded else 1)


@main.command()
@click.option("--from", "first", required=True, metavar="HOUR", help="First hour, such as 2026-11-01T00:00.")
@click.option("--to", "end", required=True, metavar="HOUR", help="Hour after the last, such as 2026-11-02T00:00.")
@click.option("--feed", "patterns", multiple=True, metavar="PATTERN", help="Such as 'example.com mail/*'; else all.")
def collect(first: str, end: str, patterns: tuple[str, ...]) -> None:
    """Collect hours of the past, in this process, as runs that the UI shows.

    Hours that are there are listed again, which costs no details. Ends with 1 where something failed.
    """
    import time
    from fnmatch import fnmatch

    from mailevents_dagster.by_hand import collect as collect_hours
    from mailevents_dagster.hours import hours_between
    from mailevents_dagster.settings import start_of

    if not os.environ.get("DAGSTER_HOME"):
        raise click.UsageError(
            "DAGSTER_HOME is not set: the folder where Dagster keeps its runs, such as $PWD/.dagster."
        )
    settings = _settings()
    feeds = [feed for feed in settings.feeds if not patterns or any(fnmatch(str(feed), one) for one in patterns)]
    if not feeds:
        raise click.UsageError(f"No feed is like {' or '.join(patterns)}; feeds are written like {settings.feeds[0]}.")
    try:
        span = [start_of(text, settings.timezone, None) for text in (first, end)]
    except ValueError as error:
        raise click.UsageError(f"--from or --to {error}") from error
    hours = list(hours_between(max(span[0], settings.start), min(span[1], time.time()), settings.timezone))
    if not hours:
        raise click.UsageError("No hour lies between --from and --to that has ended and is not before the start.")
    succeeded = True
    size = settings.collect.hours_per_run
    for last in range(len(hours), 0, -size):  # the newest first, as the sensor does
        succeeded &= collect_hours(settings, feeds, hours[max(0, last - size) : last]).success
    sys.exit(0 if succeeded else 1)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON array.")
@click.option("--rebuild-cursors", is_flag=True, help="First make the stored cursors anew from the manifests.")
def status(*, as_json: bool, rebuild_cursors: bool) -> None:
    """What each feed has: closed hours, missing hours, what keeps failing. Makes no call."""
    import time
    from dataclasses import asdict

    from mailevents_dagster import status as module

    settings = _settings()
    if rebuild_cursors:
        feeds = module.rebuild_cursors(settings)
        click.echo(f"Made the cursors of {len(feeds):,} feeds anew from their manifests.", err=True)
    found = list(module.statuses(settings, time.time()))
    if as_json:
        import json

        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        _show(found)


def _settings() -> "Settings":
    from mailevents_dagster.settings import SettingsError, load_settings

    try:
        return load_settings()
    except SettingsError as error:
        raise click.UsageError(str(error)) from error


def _show(found: "Sequence[FeedStatus]") -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for name in ("feed", "closed until", "closed", "missing", "from", "forgotten", "failing", "last failure"):
        table.add_column(name, justify="right" if name in ("closed", "missing", "forgotten", "failing") else "left")
    for one in found:
        failing = one.last_failure or ("" if one.readable else "its cursor is damaged; the next collection mends it")
        table.add_row(
            one.feed,
            one.closed_until or "never",
            f"{one.closed_hours:,}",
            f"{one.missing_hours:,}",
            one.oldest_missing or "",
            f"{one.forgotten_hours:,}",
            f"{one.failing_hours:,}",
            failing[:SHOWN_CHARACTERS],
        )
    console = Console(width=None if sys.stdout.isatty() else 240)
    console.print(table)
    missing = sum(one.missing_hours for one in found)
    behind = sum(one.missing_hours > 0 for one in found)
    console.print(
        f"{missing:,} hours of {behind:,} feeds are missing." if missing else f"All {len(found):,} feeds are current."
    )


@main.command()
@click.option("--port", default=8700, show_default=True, type=click.IntRange(0, 65535), help="Port on 127.0.0.1.")
@click.option("--domain", "domains", multiple=True, help="A domain it knows from the start; others it learns.")
@click.option("--events-per-hour", default=60.0, show_default=True, help="Mean of received mails of a domain.")
@click.option("--latency", default=0.0, show_default=True, help="Seconds each answer takes.")
@click.option("--requests-per-second", type=float, help="Answers 429 beyond this rate of one key.")
@click.option("--seed", default=1, show_default=True, help="Another seed, another mail.")
def simulate(
    port: int,
    domains: tuple[str, ...],
    events_per_hour: float,
    latency: float,
    requests_per_second: float | None,
    seed: int,
) -> None:
    """Serve a simulated Uzman Posta API on this machine until stopped.

    Put the address it prints into the settings as api.base_url; any key is accepted.
    """
    from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, serve

    behaviour = Behaviour(
        seed=seed, events_per_hour=events_per_hour, latency_seconds=latency, requests_per_second=requests_per_second
    )
    serve(port, behaviour, domains, announce=lambda url: click.echo(f"Serving {url} until interrupted (Ctrl-C)."))
