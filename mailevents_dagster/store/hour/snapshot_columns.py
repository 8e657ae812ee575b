"""The columns of a snapshot: typed ones for readers, what makes an event again, and the whole record."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from mailevents_dagster.files.stored_path import StoredPath, is_local, name_for_arrow
from mailevents_dagster.model.columns import Column, RowFormat
from mailevents_dagster.model.event import Event
from mailevents_dagster.store.hour.index import STATES, Digests, Index, digests

if TYPE_CHECKING:
    import pyarrow.dataset as ds

_DIGEST: Final = pa.binary(16)

TIME: Final = Column(
    "event_time",
    pa.timestamp("ms", tz="UTC"),
    "When it happened, by the record itself; rows are in this order. A record without a time has its neighbour's.",
)
DETAIL: Final = Column(
    "detail", pa.string(), "How much of the record is here: whole, missing, stale, purged or unasked."
)
IDENTITY: Final = Column("identity", _DIGEST, "Digest by which the event is known again when its hour is listed again.")
LISTING: Final = Column(
    "listing", _DIGEST, "Digest of the row in the listing; a changed row has its detail fetched again."
)
RAW: Final = Column("raw", pa.string(), "The whole record as the source gave it: JSON text, or the line of a log.")


def schema_of(*columns: Column) -> pa.Schema:
    return pa.schema([column.field for column in columns])


RAW_SCHEMA: Final = schema_of(RAW)
INDEX_SCHEMA: Final = schema_of(TIME, DETAIL, IDENTITY, LISTING)
"""What the index of an hour is made of."""
EVENTS_SCHEMA: Final = schema_of(TIME, DETAIL, IDENTITY, LISTING, RAW)
"""What makes an event again; the typed columns follow from the record."""


def all_columns(rows: RowFormat) -> tuple[Column, ...]:
    """Return the columns of a snapshot, in their order."""
    return (TIME, *rows.columns, DETAIL, IDENTITY, LISTING, RAW)


def snapshot_schema(rows: RowFormat) -> pa.Schema:
    return schema_of(*all_columns(rows))


def records_schema(rows: RowFormat) -> pa.Schema:
    """Return the columns that follow from the record, and the record."""
    return schema_of(*rows.columns, RAW)


def snapshot_batch(index: Index, records: pa.RecordBatch, rows: RowFormat) -> pa.RecordBatch:
    """Return events as a snapshot holds them: what the index says of them beside their records."""
    *typed, raw = records.columns
    arrays = [
        pa.array(index.times * 1000, pa.int64()).cast(TIME.type),
        *typed,
        pa.DictionaryArray.from_arrays(pa.array(index.details), _states()).cast(pa.string()),
        *(
            pa.Array.from_buffers(_DIGEST, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])
            for values in (index.identities, index.listings)
        ),
        raw,
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=snapshot_schema(rows))


def records_of(events: Sequence[Event], rows: RowFormat) -> pa.RecordBatch:
    """Return the records of events: their typed columns and their text."""
    raws = pa.array([event.raw for event in events], pa.binary()).cast(pa.string())
    fields = [event.fields for event in events if event.fields is not None]
    if rows.arrays is None or len(fields) < len(events):
        return records_of_raws(raws, rows)
    return pa.RecordBatch.from_arrays([*rows.arrays(fields), raws], schema=records_schema(rows))


def records_of_raws(raws: pa.StringArray, rows: RowFormat) -> pa.RecordBatch:
    """Return records with the typed columns that follow from their text."""
    return pa.RecordBatch.from_arrays([*rows.read(raws), raws], schema=records_schema(rows))


def index_of_batch(batch: pa.RecordBatch) -> Index:
    """Return what the index of an hour says of these events."""
    import pyarrow.compute as pc  # 28 ms, which commands that compute nothing need not wait for

    details = pc.index_in(batch.column("detail"), _states())
    if details.null_count:
        raise ValueError("it holds events in a state that nothing is known of")
    return Index(
        seconds_of(batch).to_numpy(),
        _digests_in(batch.column("identity")),
        _digests_in(batch.column("listing")),
        details.to_numpy().astype(np.uint8),
    )


@cache
def _states() -> pa.Array:
    """Return the states of details as Arrow has them; not sooner, since its first array loads pandas."""
    return pa.array(STATES, pa.string())


def _digests_in(column: pa.Array) -> Digests:
    return digests(column.buffers()[1].slice(column.offset * _DIGEST.byte_width, len(column) * _DIGEST.byte_width))


def seconds_of(batch: pa.RecordBatch) -> pa.Array:
    """Return the times of the events in Unix seconds."""
    import pyarrow.compute as pc

    return pc.divide(batch.column("event_time").cast(pa.int64()), 1000)


def lines_of(batch: pa.RecordBatch) -> pa.Buffer:
    """Return the records as the log has them: each with its line end, one after the other."""
    return _joined(batch.column("raw"), "", separator="\n")


def content_of(batch: pa.RecordBatch) -> pa.Buffer:
    """Return all that makes the events, as the digest of a snapshot takes it."""
    detail, identity, listing, raw = (batch.column(column.name) for column in (DETAIL, IDENTITY, LISTING, RAW))
    return _joined(seconds_of(batch).cast(pa.string()), " ", detail, " ", identity, listing, raw)


def _joined(*parts: pa.Array | str, separator: str = "") -> pa.Buffer:
    """Return the parts of each row one behind the other, and so the rows; an array of texts holds them just so."""
    import pyarrow.compute as pc

    arrays = [part.encode() if isinstance(part, str) else part.cast(pa.binary()) for part in parts]
    joined = pc.binary_join_element_wise(*arrays, separator.encode())
    return joined.buffers()[2].slice(0, pc.sum(pc.binary_length(joined)).as_py() or 0)


def dataset(paths: Sequence[StoredPath], root: StoredPath, rows: RowFormat) -> ds.Dataset:
    """Return the snapshots at these paths as one lazy dataset, with the folders' names as further columns."""
    import pyarrow.dataset as ds  # which loads pandas, too: half a second that a collection need not take

    hive = ds.partitioning(
        pa.schema([(name, pa.string()) for name in ("domain", "category", "type", "date")]), flavor="hive"
    )
    return ds.dataset(
        [name_for_arrow(path) for path in paths],
        schema=pa.schema([*snapshot_schema(rows), *hive.schema]),
        format="parquet",
        filesystem=None if is_local(root) else root.fs,
        partitioning=hive,
        partition_base_dir=name_for_arrow(root),
    )
