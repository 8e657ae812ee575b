"""The snapshot of an hour: its events as Parquet, typed columns for readers beside the whole record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from typing import IO, TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from upath import UPath

from mailevents_dagster.files.atomic import local, publish
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.digesting import Digest
from mailevents_dagster.model.columns import Column, RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.store.hour.index import STATES, Digests, Index, digests

if TYPE_CHECKING:
    import pyarrow.dataset as ds

ROWS_AT_ONCE: Final = 4096
BYTES_AT_ONCE: Final = 32 * 2**20
"""Bounds of one row group, so that writing an hour needs little more memory than the hour itself."""

_DIGEST: Final = pa.binary(16)
CONTENT: Final = b"mailevents.content.sha256"
"""Key of the file's metadata under which the digest of its events stands."""


FIRST_COLUMNS: Final = (
    Column(
        "event_time",
        pa.timestamp("ms", tz="UTC"),
        "When it happened, by the record itself; rows are in this order. A record without a time has its neighbour's.",
    ),
)
LAST_COLUMNS: Final = (
    Column("detail", pa.string(), "How much of the record is here: whole, missing, stale, purged or unasked."),
    Column("identity", _DIGEST, "Digest by which the event is known again when its hour is listed again."),
    Column("listing", _DIGEST, "Digest of the row in the listing; a changed row has its detail fetched again."),
    Column("raw", pa.string(), "The whole record as the API gave it, as JSON text."),
)


@cache
def _states() -> pa.Array:
    """Return the states of details as Arrow has them; not sooner, since its first array loads pandas."""
    return pa.array(STATES, pa.string())


READ_COLUMNS: Final = [column.name for column in (*FIRST_COLUMNS, *LAST_COLUMNS)]
"""What makes an event again; the typed columns follow from the record."""

INDEX_COLUMNS: Final = READ_COLUMNS[:-1]
"""What the index of an hour is made of."""

INDEX_SCHEMA: Final = pa.schema([column.field for column in (*FIRST_COLUMNS, *LAST_COLUMNS[:-1])])


def all_columns(rows: RowFormat) -> tuple[Column, ...]:
    """The columns of a snapshot, in their order."""
    return (*FIRST_COLUMNS, *rows.columns, *LAST_COLUMNS)


def snapshot_schema(rows: RowFormat) -> pa.Schema:
    return pa.schema([column.field for column in all_columns(rows)])


def records_schema(rows: RowFormat) -> pa.Schema:
    """The columns that follow from the record, and the record."""
    return pa.schema([column.field for column in (*rows.columns, LAST_COLUMNS[-1])])


def write_snapshot(path: UPath, batches: Iterable[pa.RecordBatch], rows: RowFormat) -> tuple[int, str]:
    """Writes the events, in their order; returns the file's size and its SHA-256."""
    # Digests and records do not repeat within an hour: building a dictionary of them is work thrown away.
    repeating = [column.name for column in (*rows.columns, LAST_COLUMNS[0]) if not pa.types.is_nested(column.type)]
    content = Digest()
    with publish(path) as file:
        measured = _Measured(file)
        with (
            pq.ParquetWriter(measured, snapshot_schema(rows), compression="zstd", use_dictionary=repeating) as writer,
            ThreadPoolExecutor(1, "parquet") as beside,
        ):
            written = None
            for group in _row_groups(batches):
                for batch in group:
                    content.update(_all_said(batch))
                if written:
                    written.result()
                written = beside.submit(writer.write_table, pa.Table.from_batches(group))
            if written:
                written.result()
            writer.add_key_value_metadata({CONTENT: content.hexdigest()})
    return measured.size, measured.sha256


def snapshot_batch(index: Index, records: pa.RecordBatch, rows: RowFormat) -> pa.RecordBatch:
    """Events as a snapshot holds them: what the index says of them beside their records."""
    *typed, raw = records.columns
    arrays = [
        pa.array(index.times * 1000, pa.int64()).cast(FIRST_COLUMNS[0].type),
        *typed,
        pa.DictionaryArray.from_arrays(pa.array(index.details), _states()).cast(pa.string()),
        _digest_array(index.identities),
        _digest_array(index.listings),
        raw,
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=snapshot_schema(rows))


def records_of(events: Sequence[Event], rows: RowFormat) -> pa.RecordBatch:
    """The records of events: their typed columns and their text."""
    fields = [rows.fields_of(event.raw) if event.fields is None else event.fields for event in events]
    raw = pa.array([event.raw for event in events], pa.binary()).cast(pa.string())
    return pa.RecordBatch.from_arrays([*rows.arrays(fields), raw], schema=records_schema(rows))


def index_of_batch(batch: pa.RecordBatch) -> Index:
    """What the index of an hour says of these events."""
    details = pc.index_in(batch.column("detail"), _states())
    if details.null_count:
        raise ValueError("it holds events in a state that nothing is known of")
    return Index(
        seconds_of(batch).to_numpy(),
        _digests_in(batch.column("identity")),
        _digests_in(batch.column("listing")),
        details.to_numpy().astype(np.uint8),
    )


def read_events(path: UPath) -> list[Event]:
    """The events of a snapshot, in its order; nothing where there is none."""
    try:
        with path.open("rb") as file:
            batches = list(read_batches(file, path))
    except FileNotFoundError:
        return []
    events: list[Event] = []
    states = {state.value: state for state in Detail}
    for batch in batches:
        _, detail, identity, listing, raw = (batch.column(name) for name in READ_COLUMNS)
        columns = (seconds_of(batch), identity, listing, detail, raw)
        for at, known_as, row, state, text in zip(*(column.to_pylist() for column in columns), strict=True):
            events.append(Event(at, known_as, row, states[state], text.encode()))
    return events


def read_batches(file: IO[bytes], path: UPath) -> Iterator[pa.RecordBatch]:
    """What is read back of a snapshot, a row group at a time.

    DamagedError where it cannot be read, or after the last where all of it is not what was written: a flipped bit can
    leave Parquet readable and wrong. Until then no batch is to be believed.
    """
    content = hashlib.sha256()
    with reading(path):
        parquet = pq.ParquetFile(file)
        for group in range(parquet.num_row_groups):
            for batch in whole_batches(parquet.read_row_group(group, READ_COLUMNS, use_threads=False)):
                content.update(_all_said(batch))
                yield batch
        written = (parquet.metadata.metadata or {}).get(CONTENT)
    if written != content.hexdigest().encode():
        raise DamagedError(f"{path} is not as it was written: its content does not fit its digest")


@contextmanager
def reading(path: UPath) -> Iterator[None]:
    """Tells a file that is not what it should be from a disk that cannot be read now."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's, not the file's: what cannot be read now may be whole
        raise DamagedError(f"{path} is no readable snapshot: {error}") from error


def whole_batches(table: pa.Table) -> list[pa.RecordBatch]:
    """The rows of a table in as few batches as can be; none where it has no rows."""
    batches: list[pa.RecordBatch] = table.combine_chunks().to_batches()
    return batches


def seconds_of(batch: pa.RecordBatch) -> pa.Array:
    """The times of the events in Unix seconds."""
    return pc.divide(batch.column("event_time").cast(pa.int64()), 1000)


def lines_of(batch: pa.RecordBatch) -> pa.Buffer:
    """The records as the log has them: each with its line end, one after the other."""
    return _joined(batch.column("raw"), "", separator="\n")


def _all_said(batch: pa.RecordBatch) -> pa.Buffer:
    """All that is read back of the events, as the digest of a snapshot takes it."""
    _, detail, identity, listing, raw = (batch.column(name) for name in READ_COLUMNS)
    return _joined(seconds_of(batch).cast(pa.string()), " ", detail, " ", identity, listing, raw)


def _joined(*parts: pa.Array | str, separator: str = "") -> pa.Buffer:
    """The parts of each row one behind the other, and so the rows; an array of texts holds them just so."""
    arrays = [part.encode() if isinstance(part, str) else part.cast(pa.binary()) for part in parts]
    joined = pc.binary_join_element_wise(*arrays, separator.encode())
    return joined.buffers()[2].slice(0, pc.sum(pc.binary_length(joined)).as_py() or 0)


def dataset(paths: Sequence[UPath], root: UPath, rows: RowFormat) -> ds.Dataset:
    """The snapshots at these paths as one lazy dataset, with the folders' names as further columns."""
    import pyarrow.dataset as ds  # which loads pandas, too: half a second that a collection need not take

    hive = ds.partitioning(
        pa.schema([(name, pa.string()) for name in ("domain", "category", "type", "date")]), flavor="hive"
    )
    return ds.dataset(
        [path.path for path in paths],
        schema=pa.schema([*snapshot_schema(rows), *hive.schema]),
        format="parquet",
        filesystem=None if local(root) else root.fs,
        partitioning=hive,
        partition_base_dir=root.path,
    )


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[Sequence[pa.RecordBatch]]:
    """The same rows in as many as a row group may have."""
    group: list[pa.RecordBatch] = []
    rows = size = 0
    for batch in batches:
        first = 0
        for place, length in enumerate(pc.binary_length(batch.column("raw")).to_pylist()):
            if rows == ROWS_AT_ONCE or (size + length > BYTES_AT_ONCE and rows):
                yield [*group, batch.slice(first, place - first)]
                group, first, rows, size = [], place, 0, 0
            rows, size = rows + 1, size + length
        group.append(batch.slice(first))
    if rows:
        yield group


def _digests_in(column: pa.Array) -> Digests:
    return digests(column.buffers()[1].slice(column.offset * _DIGEST.byte_width, len(column) * _DIGEST.byte_width))


def _digest_array(values: Digests) -> pa.Array:
    return pa.Array.from_buffers(_DIGEST, len(values), [None, pa.py_buffer(np.ascontiguousarray(values))])


class _Measured:
    """A file that knows the size and digest of what was written to it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.size = 0
        self.closed = False

    def write(self, data: bytes) -> int:
        self._digest.update(data)
        self._file.write(data)
        self.size += len(data)
        return len(data)

    def tell(self) -> int:
        return self.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        """Leaves the file below open: publishing it is its owner's part."""

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()
