"""Snapshot and log of an hour, brought to what was merged as far as they are not that yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from mailevents_dagster.files.damage import set_aside
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.store.hour.committed import Committed
from mailevents_dagster.store.hour.events import HourEvents
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.log import Change, bring_up_to_date, says
from mailevents_dagster.store.hour.merge import Merged
from mailevents_dagster.store.hour.snapshot_columns import lines_of
from mailevents_dagster.store.hour.snapshot_file import write_snapshot
from mailevents_dagster.store.manifest import StoredFile

Note = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Kept:
    """The files of an hour that need not be made anew: a log may still have lines added to it."""

    snapshot: StoredFile | None
    log: StoredFile | None


def kept_files(committed: Committed, merged: Merged) -> Kept:
    """Return the snapshot where nothing is new, and the log where it is what was committed."""
    snapshot = None if merged.added or merged.changed else committed.snapshot
    has_its_log = committed.has_its_log(is_changing=snapshot is None)
    return Kept(snapshot, committed.manifest.log if committed.manifest and has_its_log else None)


def write_files(
    files: HourFiles, committed: Committed, events: HourEvents, merged: Merged, kept: Kept, note: Note
) -> tuple[StoredFile, StoredFile, Change]:
    """Write snapshot, then log; the records are read once for both. Return both, and what became of the log."""
    snapshot = kept.snapshot
    if snapshot and kept.log:
        return snapshot, kept.log, Change.UNCHANGED
    if committed.manifest and not kept.log:
        _keep_damaged_log(files.log, events, note)

    with bring_up_to_date(files.log, committed.stored_log) as log:

        def batches() -> Iterator[pa.RecordBatch]:
            for batch in events.batches(merged.index, merged.places):
                log.add(lines_of(batch))
                yield batch
            log.settle()
            if committed.is_local:
                events.known_records.close()  # Windows replaces no file that is open

        if snapshot is None:
            version = committed.snapshot_version
            size, sha256 = write_snapshot(files.snapshot, batches(), events.rows, version)
            snapshot = StoredFile(files.layout.relative(files.snapshot), size, sha256, version.tag)
        else:
            deque(batches(), maxlen=0)
        committed.is_as_it_was = False
    written, tag = log.written, committed.stored_log.version.tag
    stored = StoredFile(files.layout.relative(files.log), written.bytes, written.sha256, tag)
    return snapshot, stored, written.change


def _keep_damaged_log(path: StoredPath, events: HourEvents, note: Note) -> None:
    """Set a log aside that is neither what was committed nor what the snapshot says: somebody damaged it."""
    if says(path, events.lines(np.arange(len(events.known_index)))):
        return
    if path.exists():
        note(f"{path} is not as it was written. It was set aside as {set_aside(path)} and written anew.")
    else:
        note(f"{path} was gone and is written anew.")
