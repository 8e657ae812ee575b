"""What is known of an hour when it is opened: its snapshot, or what can be had where that is damaged or gone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mailevents_dagster.files.atomic import opened
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.digests import digest_of_file
from mailevents_dagster.files.objects import Version
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Places
from mailevents_dagster.store.hour.found_events import FoundEvents, Records, take_from
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.index import joined
from mailevents_dagster.store.hour.salvage import salvage
from mailevents_dagster.store.hour.snapshot_columns import (
    INDEX_SCHEMA,
    RAW_SCHEMA,
    index_of_batch,
    records_of_raws,
    records_schema,
)
from mailevents_dagster.store.hour.snapshot_file import SnapshotFile, reading
from mailevents_dagster.store.manifest import Manifest

ROW_GROUPS_AT_HAND: Final = 2
"""Places are asked for nearly in their order, so that few row groups are read twice."""


class Snapshot:
    """The events of a snapshot by their places: the index in memory, records read when they are asked for."""

    def __init__(
        self, path: StoredPath, rows: RowFormat, committed: str | None, version: Version | None = None
    ) -> None:
        """DamagedError where it is not what was written. A snapshot that has the committed digest is believed.

        Of any other all events are read first, to see that they are what was written. Nothing proves its typed columns.
        """
        self._schema = records_schema(rows)
        self._rows = rows
        with ExitStack() as closing:
            file = closing.enter_context(opened(path, version))
            self.sha256 = digest_of_file(file)
            self._is_committed = self.sha256 == committed
            self._file = SnapshotFile(file, path)
            batches = self._file.groups(INDEX_SCHEMA) if self._is_committed else self._file.proven()
            with reading(path):
                self.index = joined([index_of_batch(batch) for batch in batches])
            self._closing = closing.pop_all()
        self._firsts = np.cumsum([0, *self._file.group_sizes[:-1]])
        self._mean_sizes = np.array(self._file.group_bytes, np.int64) // np.maximum(self._file.group_sizes, 1)
        """Of records, by their row groups."""
        self._group = lru_cache(ROW_GROUPS_AT_HAND)(self._read_group)

    def take(self, places: Places) -> pa.RecordBatch:
        groups = self._groups(places)
        return take_from(groups, places - self._firsts[groups], self._group)

    def sizes(self, places: Places) -> NDArray[np.int64]:
        sizes: NDArray[np.int64] = self._mean_sizes[self._groups(places)]
        return sizes

    def close(self) -> None:
        self._closing.close()

    def _groups(self, places: Places) -> NDArray[np.int64]:
        groups: NDArray[np.int64] = np.searchsorted(self._firsts, places, side="right") - 1
        return groups

    def _read_group(self, number: int) -> pa.RecordBatch:
        if self._is_committed and self._file.has(self._schema):
            return self._file.group(number, self._schema)
        # Otherwise it was written when records of this kind had other columns.
        texts = self._file.group(number, RAW_SCHEMA).column("raw")
        return records_of_raws(texts, self._rows)


def known_events(
    files: HourFiles,
    before: Manifest | None,
    empty: FoundEvents,
    note: Callable[[str], object],
    version: Version | None = None,
) -> Records:
    """Return the events committed so far, oldest first. What is not a whole snapshot's is put into `empty`."""
    snapshot, aside, rows = files.snapshot, None, files.feed.kind.rows
    try:
        return _whole(snapshot, rows, before, version)
    except DamagedError as error:
        aside = set_aside(snapshot)
        why = f"{error}. It was set aside as {aside}"
    except FileNotFoundError:
        if not files.log.exists() and not (before and before.events):  # it is written before them, so it was there
            return empty
        why = f"{snapshot} is gone"
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


def _whole(path: StoredPath, rows: RowFormat, before: Manifest | None, version: Version | None) -> Snapshot:
    """Return the snapshot that was committed, or a newer one, as a kill before its manifest leaves it."""
    snapshot = Snapshot(path, rows, before.snapshot.sha256 if before else None, version)
    if before and len(snapshot.index) < before.events:
        snapshot.close()
        raise DamagedError(f"{path} is older than its manifest: it lacks events that were committed")
    return snapshot
