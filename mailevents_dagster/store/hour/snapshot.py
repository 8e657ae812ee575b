"""The snapshot of an hour as what is known of it: its index in memory, its records read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from functools import lru_cache
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from mailevents_dagster.files.atomic import digest_of
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Places
from mailevents_dagster.store.hour.found_events import take_from
from mailevents_dagster.store.hour.index import joined
from mailevents_dagster.store.hour.parquet import (
    INDEX_COLUMNS,
    index_of_batch,
    read_batches,
    reading,
    records_schema,
    whole_batches,
)

ROW_GROUPS_AT_HAND: Final = 2
"""Places are asked for nearly in their order, so that few row groups are read twice."""


class Snapshot:
    """The events of a snapshot by their places; DamagedError where it is not what was written."""

    def __init__(self, path: UPath, rows: RowFormat, committed: str | None) -> None:
        """One that has the digest that was committed is believed.

        Of any other all events are read first, to see that they are what was written. Nothing proves its typed columns.
        """
        self._path = path
        self._schema = records_schema(rows)
        self._rows = rows
        self.sha256 = digest_of(path)
        with ExitStack() as closing:
            file = closing.enter_context(path.open("rb"))
            with reading(path):
                self._parquet = pq.ParquetFile(file)
                self._is_committed = self.sha256 == committed
                batches = self._index_columns() if self._is_committed else read_batches(file, path)
                self.index = joined([index_of_batch(batch) for batch in batches])
            self._closing = closing.pop_all()
        groups = self._parquet.metadata
        self._firsts = np.cumsum([0, *(groups.row_group(at).num_rows for at in range(groups.num_row_groups - 1))])
        self._group = lru_cache(ROW_GROUPS_AT_HAND)(self._read_group)

    def take(self, places: Places) -> pa.RecordBatch:
        groups = np.searchsorted(self._firsts, places, side="right") - 1
        return take_from(groups, places - self._firsts[groups], self._group)

    def close(self) -> None:
        self._closing.close()

    def _index_columns(self) -> Iterator[pa.RecordBatch]:
        for number in range(self._parquet.num_row_groups):
            yield from whole_batches(self._parquet.read_row_group(number, INDEX_COLUMNS, use_threads=False))

    def _read_group(self, number: int) -> pa.RecordBatch:
        with reading(self._path):
            there = self._parquet.schema_arrow
            as_now = all(one.name in there.names and there.field(one.name).type == one.type for one in self._schema)
            if self._is_committed and as_now:
                return self._columns(number, self._schema)
            # Otherwise it was written when records of this kind had other columns.
            texts = self._columns(number, pa.schema([self._schema.field("raw")])).column("raw")
            fields = [self._rows.fields_of(text) for text in texts.cast(pa.binary()).to_pylist()]
            return pa.RecordBatch.from_arrays([*self._rows.arrays(fields), texts], schema=self._schema)

    def _columns(self, number: int, schema: pa.Schema) -> pa.RecordBatch:
        table = self._parquet.read_row_group(number, schema.names, use_threads=False)
        (batch,) = whole_batches(table.select(schema.names).cast(schema))
        return batch
