"""`mailevents status`."""

import sys
import time
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import Exit, configured, console, json_option, lasting, show_json, table

if TYPE_CHECKING:
    from rich.table import Table

    from mailevents_dagster.health.status import FeedStatus, Status
    from mailevents_dagster.settings import Settings

SHOWN_CHARACTERS: Final = 80
GAPS_SHOWN: Final = 2
COLUMNS: Final = (
    *("feed", "closed until", "lag", "closed", "missing", "gaps"),
    *("gone", "lacking", "failing", "now", "last failure"),
)
NUMBERS: Final = ("lag", "closed", "missing", "gone", "failing")


@click.command()
@json_option()
@click.option("--watch", is_flag=True, help="Show it again and again until interrupted.")
@click.option("--every", default=5.0, show_default=True, type=click.FloatRange(0.1), help="Seconds between two looks.")
@click.option("--rebuild-cursors", is_flag=True, help="First make new cursors from the stored manifests.")
def status(*, as_json: bool, watch: bool, every: float, rebuild_cursors: bool) -> None:
    """Show what each feed has and lacks, what fails, and whether the budgets keep up. Makes no call.

    Ends with 0: all is current; 1: hours are missing or do not hold everything, or something fails.
    """
    from dataclasses import asdict

    from mailevents_dagster.health import status as module

    settings = configured()
    if rebuild_cursors:
        feeds = module.rebuild_cursors(settings)
        click.echo(f"Made new cursors of {len(feeds):,} feeds from their manifests.", err=True)
    if watch:
        _watch(settings, every)
    found = module.status_of(settings, time.time())
    if as_json:
        show_json({"good": found.is_good, "verdict": found.verdict, **asdict(found)})
    else:
        out = console()
        out.print(_table(found))
        for line in (*filter(None, (one.remark for one in found.feeds)), found.verdict):
            out.print(line, markup=False, highlight=False, soft_wrap=True)
    sys.exit(Exit.DONE if found.is_good else Exit.SOME_FAILED)


def _watch(settings: "Settings", every: float) -> None:
    """Show it until interrupted: in place on a terminal, one below the other elsewhere."""
    from rich.console import Group
    from rich.live import Live

    from mailevents_dagster.health.status import status_of

    out = console()
    with Live(console=out, auto_refresh=False) as live:
        try:
            while True:
                found = status_of(settings, time.time())
                picture = Group(_table(found), found.verdict, time.strftime("%H:%M:%S"))
                if out.is_terminal:
                    live.update(picture, refresh=True)
                else:
                    out.print(picture)
                time.sleep(every)
        except KeyboardInterrupt:
            sys.exit(Exit.DONE)


def _table(found: "Status") -> "Table":
    rows = table(*COLUMNS, right=NUMBERS, whole=("feed", "closed until", "now"))
    for one in found.feeds:
        unreadable = "" if one.readable else "its cursor is damaged or lost; the next collection mends it"
        more = [f"and {len(one.gaps) - GAPS_SHOWN:,} more"] if len(one.gaps) > GAPS_SHOWN else []
        gaps = [first if first == last else f"{first} to {last}" for first, last in one.gaps[:GAPS_SHOWN]]
        rows.add_row(
            one.feed,
            one.closed_until or "never",
            lasting(one.lag_seconds),
            f"{one.closed_hours:,}",
            f"{one.missing_hours:,}",
            ", ".join([*gaps, *more]),
            f"{one.forgotten_hours:,}",
            f"{one.incomplete_hours:,} with {one.lack}" if one.incomplete_hours else str(one.lack),
            f"{one.failing_hours:,}",
            _now(one),
            (one.last_failure or unreadable)[:SHOWN_CHARACTERS],
        )
    return rows


def _now(one: "FeedStatus") -> str:
    if one.at_work:
        return f"collecting {one.at_work}"
    return f"waits until {one.waits_until}" if one.waits_until else ""
