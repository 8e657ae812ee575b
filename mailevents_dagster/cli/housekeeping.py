"""`mailevents housekeeping`."""

import sys
from typing import TYPE_CHECKING, Any

import click

from mailevents_dagster.cli.terminal import Exit, configured, console

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from upath import UPath

    from mailevents_dagster.collecting.housekeeping import ExpiredHours
    from mailevents_dagster.model.hour import Hour
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.store.store import Store


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be destroyed and what legal holds keep back.")
@click.option("--json", "as_json", is_flag=True, help="For programs: one JSON array, or of a run one object.")
def housekeeping(*, dry_run: bool, as_json: bool) -> None:
    """Destroy hours that have expired, as the daily housekeeping does, in a run that the UI shows.

    How long what is kept stands below `retention` in the settings. Ends with 3 where nothing has expired.
    """
    from mailevents_dagster.collecting.housekeeping import MeaninglessHoldError

    try:
        done = _show_expired(configured(), as_json=as_json) if dry_run else _run(configured(), as_json=as_json)
    except MeaninglessHoldError as error:
        raise click.UsageError(str(error)) from error
    sys.exit(done)


def _show_expired(settings: "Settings", *, as_json: bool) -> Exit:
    import json
    import time

    from mailevents_dagster.collecting.configuration import retention_of, store_of
    from mailevents_dagster.collecting.housekeeping import (
        DESTROYED_TOO_EARLY,
        clocks_of,
        destroyed_too_early,
        expired_hours,
    )

    store = store_of(settings)
    clocks = clocks_of(settings, store, time.time())
    rows = [row for expired in expired_hours(settings, store, clocks.earlier) for row in _rows(store, expired)]
    due = sum(row["hours"] for row in rows if row["held_by"] is None)
    held = sum(row["hours"] for row in rows if row["held_by"] is not None)
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif rows:
        _print(rows)
    if early := len(list(destroyed_too_early(settings, store, clocks))):
        click.echo(f"{early:,} hours were {DESTROYED_TOO_EARLY}; housekeeping takes that back.", err=True)
    if retention_of(settings).days and (contradiction := clocks.sentence(settings.timezone)):
        click.echo(contradiction, err=True)
    if not retention_of(settings).days:
        click.echo("No hour expires: `retention` in the settings names no days.", err=as_json)
    elif not as_json:
        click.echo(f"{due:,} expired hours would be destroyed; {held:,} are kept by legal holds.")
    return Exit.DONE if due else Exit.NOTHING


def _rows(store: "Store", expired: "ExpiredHours") -> "Iterator[dict[str, Any]]":
    """What goes of a feed, and what each hold keeps of it."""
    if expired.due:
        yield {**_row(store, expired, expired.due), "held_by": None}
    for hold, hours in expired.held.items():
        yield {**_row(store, expired, hours), "held_by": hold.reason}


def _row(store: "Store", expired: "ExpiredHours", hours: "Mapping[Hour, Sequence[UPath]]") -> dict[str, Any]:
    from mailevents_dagster.files.damage import DamagedError

    def events(hour: "Hour") -> int:
        try:
            manifest = store.manifest(expired.feed, hour)
        except DamagedError:
            return 0
        return manifest.events if manifest else 0

    return {
        "feed": str(expired.feed),
        "hours": len(hours),
        "events": sum(map(events, hours)),
        "bytes": sum(file.stat().st_size for files in hours.values() for file in files),
        "from": min(hours).key,
        "to": max(hours).next.key,
        "rule": str(expired.rule),
    }


def _print(rows: "Sequence[Mapping[str, Any]]") -> None:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for name in ("feed", "hours", "events", "bytes", "from", "to", "rule", "held by"):
        table.add_column(name, justify="right" if name in ("hours", "events", "bytes") else "left")
    for row in rows:
        cells = (f"{cell:,}" if isinstance(cell, int) else cell or "" for cell in row.values())
        table.add_row(*cells)
    console().print(table)


def _run(settings: "Settings", *, as_json: bool) -> Exit:
    import json

    from mailevents_dagster.orchestration.home import this_instance
    from mailevents_dagster.orchestration.manual_runs import ManualRuns
    from mailevents_dagster.orchestration.runs_in_flight import HOUSEKEEPING_JOB
    from mailevents_dagster.settings import home

    home(settings)
    with this_instance() as instance:
        result = ManualRuns(settings, instance, lambda line, _: click.echo(line, err=as_json)).run(HOUSEKEEPING_JOB)
    numbers = {
        name: value.value
        for event in result.all_events
        if event.is_successful_output
        for name, value in event.step_output_data.metadata.items()
    }
    if as_json:
        click.echo(json.dumps(numbers, indent=2))
    if not result.success:
        return Exit.SOME_FAILED
    done = any(numbers.get(name) for name in ("hours", "taken_back", "follow_runs_deleted"))
    return Exit.DONE if done else Exit.NOTHING
