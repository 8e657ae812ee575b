"""What is known of an hour when it is opened: its snapshot, or its log where the snapshot is damaged or gone."""

from __future__ import annotations

from collections.abc import Callable

from upath import UPath

from mailevents_dagster.columns import RowFormat
from mailevents_dagster.events import Event
from mailevents_dagster.hours import Hour
from mailevents_dagster.store.damage import DamagedError, set_aside
from mailevents_dagster.store.gathered import Gathered, Records
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.snapshot import Snapshot


def known_records(
    snapshot: UPath,
    log: UPath,
    hour: Hour,
    before: Manifest | None,
    rows: RowFormat,
    gathered: Gathered,
    note: Callable[[str], object],
) -> Records:
    """The events committed so far, oldest first. What has to be taken from the log is put into `gathered`."""
    if not snapshot.exists():  # it is written before log and manifest: either of them shows that it was there
        lost = log.exists() or (before is not None and before.events > 0)
        return _from_log(log, f"{snapshot} is gone", hour, rows, gathered, note) if lost else gathered
    try:
        # It may be newer than its manifest, after a kill between the two: then it is read to see that it is whole.
        return Snapshot(snapshot, rows, before.snapshot.sha256 if before else None)
    except DamagedError as error:
        aside = f"{error}. It was set aside as {set_aside(snapshot)}"
        return _from_log(log, aside, hour, rows, gathered, note)


def _from_log(
    log: UPath, why: str, hour: Hour, rows: RowFormat, gathered: Gathered, note: Callable[[str], object]
) -> Gathered:
    events: list[Event] = []
    unreadable = 0
    at = hour.start
    for line in log.read_bytes().split(b"\n") if log.exists() else []:
        try:
            if line:
                events.append(rows.event_of(line, at))
                at = events[-1].time
        except ValueError:
            unreadable += 1
    note(
        f"{why}; {len(events):,} events were taken from {log}"
        + (f", {unreadable:,} of its lines could not be read" if unreadable else "")
        + ". What the API still shows is collected again."
    )
    gathered.add(sorted(events, key=lambda event: event.time))
    return gathered
