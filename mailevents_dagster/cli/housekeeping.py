"""`mailevents housekeeping`."""

import sys
import time
from typing import TYPE_CHECKING, Any

import click

from mailevents_dagster.cli.terminal import Exit, configured, console, json_option, show_json, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mailevents_dagster.collecting.housekeeping import ExpiredHours
    from mailevents_dagster.files.stored_path import StoredPath
    from mailevents_dagster.model.hour import Hour
    from mailevents_dagster.settings import Settings
    from mailevents_dagster.store.store import Store


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show what would be destroyed and what legal holds keep back.")
@json_option("For programs: one JSON array, or of a run one object.")
def housekeeping(*, dry_run: bool, as_json: bool) -> None:
    """Destroy hours that have expired, as the daily housekeeping does, in a run that the UI shows.

    How long what is kept stands below `retention` in the settings. Ends with 3 if nothing has expired.
    """
    from mailevents_dagster.collecting.housekeeping import MeaninglessHoldError

    settings = configured()
    try:
        sys.exit(_show_expired(settings, as_json=as_json) if dry_run else _run(settings, as_json=as_json))
    except MeaninglessHoldError as error:
        raise click.UsageError(str(error)) from error


def _show_expired(settings: "Settings", *, as_json: bool) -> Exit:
    from mailevents_dagster.collecting.housekeeping import (
        DESTROYED_TOO_EARLY,
        clocks_of,
        destroyed_too_early,
        expired_hours,
    )
    from mailevents_dagster.store.opening import retention_of, store_of

    store = store_of(settings)
    clocks = clocks_of(settings, store, time.time())
    rows = [row for expired in expired_hours(settings, store, clocks.earlier) for row in _rows(store, expired)]
    due = sum(row["hours"] for row in rows if row["held_by"] is None)
    held = sum(row["hours"] for row in rows) - due
    if as_json:
        show_json(rows)
    elif rows:
        _show(rows)
    if early := len(list(destroyed_too_early(settings, store, clocks))):
        click.echo(f"{early:,} hours were {DESTROYED_TOO_EARLY}; housekeeping takes that back.", err=True)
    if not retention_of(settings).days:
        click.echo("No hour expires: `retention` in the settings names no days.", err=as_json)
        return Exit.DONE if due else Exit.NOTHING
    if contradiction := clocks.sentence(settings.timezone):
        click.echo(contradiction, err=True)
    if not as_json:
        click.echo(f"{due:,} expired hours would be destroyed; {held:,} are kept by legal holds.")
    return Exit.DONE if due else Exit.NOTHING


def _rows(store: "Store", expired: "ExpiredHours") -> "Iterator[dict[str, Any]]":
    """Yield what would be destroyed of a feed, and what each hold keeps of it."""
    if expired.due:
        yield {**_row(store, expired, expired.due), "held_by": None}
    for hold, hours in expired.held.items():
        yield {**_row(store, expired, hours), "held_by": hold.reason}


def _row(store: "Store", expired: "ExpiredHours", hours: "Mapping[Hour, Sequence[StoredPath]]") -> dict[str, Any]:
    manifests = (store.readable_manifest(expired.feed, hour) for hour in hours)
    return {
        "feed": str(expired.feed),
        "hours": len(hours),
        "events": sum(manifest.events for manifest in manifests if manifest),
        "bytes": sum(file.stat().st_size for files in hours.values() for file in files),
        "from": min(hours).key,
        "to": max(hours).next.key,
        "rule": str(expired.rule),
    }


def _show(rows: "Sequence[Mapping[str, Any]]") -> None:
    numbers = ("hours", "events", "bytes")
    shown = table("feed", *numbers, "from", "to", "rule", "held by", right=numbers)
    for row in rows:
        shown.add_row(*(f"{cell:,}" if isinstance(cell, int) else cell or "" for cell in row.values()))
    console().print(shown)


def _run(settings: "Settings", *, as_json: bool) -> Exit:
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
        show_json(numbers)
    if not result.success:
        return Exit.SOME_FAILED
    is_done = any(numbers.get(name) for name in ("hours", "taken_back", "follow_runs_deleted"))
    return Exit.DONE if is_done else Exit.NOTHING
