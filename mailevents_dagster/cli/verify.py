"""`mailevents verify`."""

import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import (
    Exit,
    configured,
    console,
    feed_option,
    feeds_like,
    hour_start,
    json_option,
    show_json,
    table,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mailevents_dagster.health.verification import Verification
    from mailevents_dagster.settings import Settings

MOST_NOTES: Final = 20
"""More notes are summed up by kind."""
NAMES_SHOWN: Final = 5
DAY: Final = 86_400


@click.command()
@feed_option
@click.option("--from", "first", metavar="HOUR", help="First hour, such as 2026-11-01T00:00; else the first kept.")
@click.option("--to", "end", metavar="HOUR", help="Hour after the last; else all that are kept.")
@click.option(
    "--against-source",
    "--against-api",
    is_flag=True,
    help="Also list the hours again and name what their source shows differently.",
)
@json_option()
def verify(
    patterns: tuple[str, ...], first: str | None, end: str | None, *, against_source: bool, as_json: bool
) -> None:
    """Check that what is stored is what was committed: every log, Parquet file, manifest and cursor. Changes nothing.

    Ends with 1 if something is damaged, a closed hour does not hold everything that its source has, or the source
    shows something else; with 3 if nothing is stored in that range.
    """
    from mailevents_dagster.health.verification import MB, Verification
    from mailevents_dagster.store.inventory import Inventory
    from mailevents_dagster.store.opening import store_of
    from mailevents_dagster.store.verify import kept_hours, verify_feed

    settings = configured()
    feeds = feeds_like(settings, patterns)
    span = _span(settings, first, end)
    store, found, began = store_of(settings), Verification(), time.monotonic()
    inventory = Inventory(store.layout, store.timezone, time.time() + DAY)
    hours = [(feed, hour) for feed in feeds for hour in kept_hours(inventory, feed, *span)]
    _go_through(
        found.verify(store, hours),
        len(hours),
        lambda done: f"{done:,} of {len(hours):,} hours, {found.log_bytes / MB / (time.monotonic() - began):,.0f} MB/s",
    )
    for feed in feeds:
        found.findings += verify_feed(store, inventory, feed, *span)
    if against_source:
        due = found.still_given(settings, store, hours)
        _go_through(
            found.compare(settings, store, due),
            len(due),
            lambda _: f"{found.compared_hours:,} of {len(due):,} hours, {found.list_calls:,} calls",
        )
    if as_json:
        _show_json(found)
    else:
        _show(found)
    sys.exit(Exit.NOTHING if found.is_empty else Exit.SOME_FAILED if found.faults else Exit.DONE)


def _span(settings: "Settings", first: str | None, end: str | None) -> tuple[int, int]:
    from mailevents_dagster.store.verify import FOR_EVER

    start = hour_start(settings, "--from", first) if first else 0
    stop = hour_start(settings, "--to", end) if end else FOR_EVER
    if start >= stop:
        raise click.UsageError("--from is not before --to.")
    return start, stop


def _go_through(steps: "Iterable[None]", total: int, said: "Callable[[int], str]") -> None:
    """Go through the steps and show how far they are; what a source refuses ends the command."""
    from mailevents_dagster.cli.progress import progress
    from mailevents_dagster.model.event import SourceError

    with progress(console(stderr=True), total, said) as advance:
        try:
            for _ in steps:
                advance(1)
        except SourceError as error:
            raise click.ClickException(str(error)) from error


def _show_json(found: "Verification") -> None:
    from dataclasses import asdict

    from mailevents_dagster.store.verify import Severity

    content = asdict(found)
    findings = content.pop("findings")
    severities = {str(word): sum(one.severity == word for one in found.findings) for word in Severity}
    show_json({**content, **severities, "findings": findings})


def _show(found: "Verification") -> None:
    from rich.markup import escape

    out, notes = console(), found.notes
    if shown := found.faults + (notes if len(notes) <= MOST_NOTES else []):
        rows = table("feed", "hour", "", "what is wrong", "what to do")
        for one in shown:
            names = ", ".join(one.names[:NAMES_SHOWN])
            more = f" and {len(one.names) - NAMES_SHOWN:,} more" if len(one.names) > NAMES_SHOWN else ""
            what = f"{one.what} {names}{more}" if names else one.what
            rows.add_row(one.feed, one.hour or "", one.severity, escape(what), escape(one.do))
        out.print(rows)
    if len(notes) > MOST_NOTES:
        kinds = Counter(one.kind for one in notes)
        summed = ", ".join(f"{number:,} {kind}" for kind, number in kinds.most_common())
        out.print(f"{len(notes):,} notes: {summed}. `mailevents verify --json` lists them all.", soft_wrap=True)
    out.print(found.verdict, soft_wrap=True)
