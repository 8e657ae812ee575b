"""What is known of an hour when it is opened: its snapshot, or what can be had where that is damaged or gone."""

from __future__ import annotations

from collections.abc import Callable

from upath import UPath

from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.hour.found_events import Gathered, Records
from mailevents_dagster.store.hour.salvage import salvage
from mailevents_dagster.store.hour.snapshot import Snapshot
from mailevents_dagster.store.manifest import Manifest


def known_records(
    snapshot: UPath,
    log: UPath,
    hour: Hour,
    before: Manifest | None,
    rows: RowFormat,
    gathered: Gathered,
    note: Callable[[str], object],
) -> Records:
    """The events committed so far, oldest first. What is not a whole snapshot's is put into `gathered`."""
    if not snapshot.exists():  # it is written before log and manifest: either of them shows that it was there
        lost = log.exists() or (before is not None and before.events > 0)
        return _salvaged(None, log, f"{snapshot} is gone", hour, before, rows, gathered, note) if lost else gathered
    try:
        return _whole(snapshot, before, rows)
    except DamagedError as error:
        aside = set_aside(snapshot)
        why = f"{error}. It was set aside as {aside}"
        return _salvaged(aside, log, why, hour, before, rows, gathered, note)


def _whole(path: UPath, before: Manifest | None, rows: RowFormat) -> Snapshot:
    """The snapshot that was committed, or a newer one, as a kill before its manifest leaves it."""
    snapshot = Snapshot(path, rows, before.snapshot.sha256 if before else None)
    if before and len(snapshot.index) < before.events:
        snapshot.close()
        raise DamagedError(f"{path} is older than its manifest: it lacks events that were committed")
    return snapshot


def _salvaged(
    snapshot: UPath | None,
    log: UPath,
    why: str,
    hour: Hour,
    before: Manifest | None,
    rows: RowFormat,
    gathered: Gathered,
    note: Callable[[str], object],
) -> Gathered:
    found = salvage(snapshot, log, before.log.sha256 if before else None, rows.event_of, hour.start)
    lost = before.events - len(found.events) if before else 0
    note(
        f"{why}; {len(found.events):,} events were taken from "
        + ("what can be read of it and from " if found.doubtful and snapshot else "")
        + str(log)
        + (f", {lost:,} fewer than were committed" if lost > 0 else "")
        + (f"; {found.doubtful:,} of them nothing proves, and their details are owed" if found.doubtful else "")
        + ". What the API still shows is collected again."
    )
    gathered.add(found.events)
    return gathered
