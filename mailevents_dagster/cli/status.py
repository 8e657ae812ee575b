"""`mailevents status`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import configured, console

if TYPE_CHECKING:
    from mailevents_dagster.status import FeedStatus

SHOWN_CHARACTERS: Final = 100


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON array.")
@click.option("--rebuild-cursors", is_flag=True, help="First make the stored cursors anew from the manifests.")
def status(*, as_json: bool, rebuild_cursors: bool) -> None:
    """What each feed has: closed hours, missing hours, what keeps failing. Makes no call."""
    import json
    import time
    from dataclasses import asdict

    from mailevents_dagster import status as module

    settings = configured()
    if rebuild_cursors:
        feeds = module.rebuild_cursors(settings)
        click.echo(f"Made the cursors of {len(feeds):,} feeds anew from their manifests.", err=True)
    found = list(module.statuses(settings, time.time()))
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=2))
    else:
        _show(found)


def _show(found: "Sequence[FeedStatus]") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for name in ("feed", "closed until", "closed", "missing", "from", "forgotten", "failing", "last failure"):
        table.add_column(name, justify="right" if name in ("closed", "missing", "forgotten", "failing") else "left")
    for one in found:
        failing = one.last_failure or (
            "" if one.readable else "its cursor is damaged or lost; the next collection mends it"
        )
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
    out = console()
    out.print(table)
    missing = sum(one.missing_hours for one in found)
    behind = sum(one.missing_hours > 0 for one in found)
    out.print(
        f"{missing:,} hours of {behind:,} feeds are missing." if missing else f"All {len(found):,} feeds are current."
    )
