"""What is known of an hour when it is opened: its snapshot, or what can be had where that is damaged or gone."""

from __future__ import annotations

from collections.abc import Callable

from upath import UPath

from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.store.hour.found_events import FoundEvents, Records
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.salvage import salvage
from mailevents_dagster.store.hour.snapshot import Snapshot
from mailevents_dagster.store.manifest import Manifest


def known_events(
    files: HourFiles, before: Manifest | None, empty: FoundEvents, note: Callable[[str], object]
) -> Records:
    """Return the events committed so far, oldest first. What is not a whole snapshot's is put into `empty`."""
    snapshot, aside, rows = files.snapshot, None, files.feed.kind.rows
    if snapshot.exists():
        try:
            return _whole(snapshot, rows, before)
        except DamagedError as error:
            aside = set_aside(snapshot)
            why = f"{error}. It was set aside as {aside}"
    elif files.log.exists() or (before and before.events):  # it is written before them, so it was there
        why = f"{snapshot} is gone"
    else:
        return empty
    found = salvage(aside, files.log, before.log.sha256 if before else None, rows.event_of, files.hour.start)
    lost = before.events - len(found.events) if before else 0
    note(
        f"{why}; {len(found.events):,} events were taken from "
        + ("what can be read of it and from " if found.doubtful and aside else "")
        + str(files.log)
        + (f", {lost:,} fewer than were committed" if lost > 0 else "")
        + (f"; {found.doubtful:,} of them nothing proves, and their details are owed" if found.doubtful else "")
        + ". What the source still shows is collected again."
    )
    empty.add(found.events)
    return empty


def _whole(path: UPath, rows: RowFormat, before: Manifest | None) -> Snapshot:
    """Return the snapshot that was committed, or a newer one, as a kill before its manifest leaves it."""
    snapshot = Snapshot(path, rows, before.snapshot.sha256 if before else None)
    if before and len(snapshot.index) < before.events:
        snapshot.close()
        raise DamagedError(f"{path} is older than its manifest: it lacks events that were committed")
    return snapshot
