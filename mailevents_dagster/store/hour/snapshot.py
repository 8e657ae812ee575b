"""The snapshot of an hour as what is known of it: its index in memory, its records read when they are asked for."""

from __future__ import annotations

from contextlib import ExitStack
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
from upath import UPath

from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Places
from mailevents_dagster.store.hour.found_events import take_from
from mailevents_dagster.store.hour.index import joined
from mailevents_dagster.store.hour.snapshot_columns import INDEX_SCHEMA, RAW_SCHEMA, index_of_batch, records_schema
from mailevents_dagster.store.hour.snapshot_file import SnapshotFile, reading

ROW_GROUPS_AT_HAND: Final = 2
"""Places are asked for nearly in their order, so that few row groups are read twice."""


class Snapshot:
    """The events of a snapshot by their places; DamagedError where it is not what was written."""

    def __init__(self, path: UPath, rows: RowFormat, committed: str | None) -> None:
        """A snapshot that has the committed digest is believed.

        Of any other all events are read first, to see that they are what was written. Nothing proves its typed columns.
        """
        self._schema = records_schema(rows)
        self._rows = rows
        self.sha256 = digest_of(path)
        self._is_committed = self.sha256 == committed
        with ExitStack() as closing:
            self._file = SnapshotFile(closing.enter_context(path.open("rb")), path)
            batches = self._file.groups(INDEX_SCHEMA) if self._is_committed else self._file.proven()
            with reading(path):
                self.index = joined([index_of_batch(batch) for batch in batches])
            self._closing = closing.pop_all()
        self._firsts = np.cumsum([0, *self._file.group_sizes[:-1]])
        self._group = lru_cache(ROW_GROUPS_AT_HAND)(self._read_group)

    def take(self, places: Places) -> pa.RecordBatch:
        groups = np.searchsorted(self._firsts, places, side="right") - 1
        return take_from(groups, places - self._firsts[groups], self._group)

    def close(self) -> None:
        self._closing.close()

    def _read_group(self, number: int) -> pa.RecordBatch:
        if self._is_committed and self._file.has(self._schema):
            return self._file.group(number, self._schema)
        # Otherwise it was written when records of this kind had other columns.
        texts = self._file.group(number, RAW_SCHEMA).column("raw")
        fields = [self._rows.fields_of(text) for text in texts.cast(pa.binary()).to_pylist()]
        return pa.RecordBatch.from_arrays([*self._rows.arrays(fields), texts], schema=self._schema)
