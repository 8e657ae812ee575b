"""The file of a snapshot: Parquet, written and read a row group at a time, with the digest of its events."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from mailevents_dagster.files.atomic import opened as open_file
from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.digests import Digest
from mailevents_dagster.files.objects import Version
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.store.hour.snapshot_columns import (
    DETAIL,
    EVENTS_SCHEMA,
    content_of,
    seconds_of,
    snapshot_schema,
)

ROWS_AT_ONCE: Final = 16384
BYTES_AT_ONCE: Final = 8 * 2**20
"""Bounds of one row group, so that writing an hour needs little more memory than the hour itself."""
CONTENT: Final = b"mailevents.content.sha256"
"""Key of the file's metadata under which the digest of its events stands."""
SAMPLED_GROUPS: Final = 5
SAMPLED_ROWS: Final = 200


def write_snapshot(
    path: StoredPath, batches: Iterable[pa.RecordBatch], rows: RowFormat, version: Version | None = None
) -> tuple[int, str]:
    """Write the events, in their order; return the file's size and its SHA-256."""
    # Digests and records do not repeat within an hour: building a dictionary of them is work thrown away.
    repeating = [column.name for column in (*rows.columns, DETAIL) if not pa.types.is_nested(column.type)]
    content, written = Digest(), None
    with publish(path, version=version) as file:
        measured = _Measured(file)
        with (
            pq.ParquetWriter(measured, snapshot_schema(rows), compression="zstd", use_dictionary=repeating) as writer,
            ThreadPoolExecutor(1, "parquet") as beside,
        ):
            for group in _row_groups(batches):
                for batch in group:
                    content.update(content_of(batch))
                if written:
                    written.result()
                written = beside.submit(writer.write_table, pa.Table.from_batches(group))
                if sum(batch.num_rows for batch in group) < ROWS_AT_ONCE:  # long records, which leave large holes
                    pa.default_memory_pool().release_unused()
            if written:
                written.result()
            writer.add_key_value_metadata({CONTENT: content.hexdigest()})
    return measured.digest.size, measured.digest.hexdigest()


def _row_groups(batches: Iterable[pa.RecordBatch]) -> Iterator[Sequence[pa.RecordBatch]]:
    """Yield the same rows in as many as a row group may have."""
    import pyarrow.compute as pc

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


class _Measured:
    """A file that measures what is written to it. Closing it leaves the file below open, which its owner publishes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.digest = Digest()
        self.closed = False

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self.digest.size

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None: ...


@contextmanager
def reading(path: StoredPath) -> Iterator[None]:
    """Tell a file that is not what it should be, by DamagedError, from a disk that cannot be read now."""
    try:
        yield
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # the disk's, not the file's: what cannot be read now may be whole
        raise DamagedError(f"{path} is not a readable snapshot: {error}") from error


@dataclass(frozen=True, slots=True)
class Nulls:
    """How many rows there are, and how many of them have nothing in a column; lists are not among the columns."""

    rows: int
    of: Mapping[str, int]


class SnapshotFile:
    """A snapshot that is open. Every reading raises DamagedError where the file is not what it should be."""

    def __init__(self, file: IO[bytes], path: StoredPath) -> None:
        self.path = path
        with reading(path):
            self._parquet = pq.ParquetFile(file)
            metadata = self._parquet.metadata
            groups = [metadata.row_group(at) for at in range(metadata.num_row_groups)]
            self.group_sizes = [group.num_rows for group in groups]
            self.group_bytes = [group.total_byte_size for group in groups]
            """As they are in memory, about."""
            self.content: bytes = (metadata.metadata or {}).get(CONTENT, b"")
            """The digest of the events, as it was when they were written."""

    def has(self, schema: pa.Schema) -> bool:
        there = self._parquet.schema_arrow
        return all(field.name in there.names and there.field(field.name).type == field.type for field in schema)

    def group(self, number: int, schema: pa.Schema) -> pa.RecordBatch:
        """Return these columns of a row group."""
        with reading(self.path):
            table = self._parquet.read_row_group(number, schema.names, use_threads=False)
            (batch,) = table.select(schema.names).cast(schema).combine_chunks().to_batches()
            return batch

    def groups(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        return (self.group(number, schema) for number in range(len(self.group_sizes)))

    def proven(self) -> Iterator[pa.RecordBatch]:
        """Yield what makes the events, a row group at a time.

        DamagedError after the last where all of it is not what was written: a flipped bit can leave Parquet readable
        and wrong. Until then no batch is to be believed.
        """
        content = hashlib.sha256()
        for batch in self.groups(EVENTS_SCHEMA):
            with reading(self.path):
                content.update(content_of(batch))
            yield batch
        if self.content != content.hexdigest().encode():
            raise DamagedError(f"{self.path} is not as it was written: its content does not match its digest")

    def columns(self, names: Sequence[str]) -> pa.Table:
        with reading(self.path):
            return self._parquet.read(list(names), use_threads=False)

    def table(self, rows: RowFormat, names: Sequence[str]) -> pa.Table:
        """Return columns as they are written today; those that were not when this was written hold nothing."""
        schema, there = snapshot_schema(rows), self._parquet.schema_arrow.names
        found = self.columns([name for name in names if name in there])
        count = sum(self.group_sizes)
        arrays = [
            found.column(name).cast(schema.field(name).type)
            if name in there
            else pa.nulls(count, schema.field(name).type)
            for name in names
        ]
        return pa.table(arrays, names=list(names))

    def sample(self) -> Iterator[bytes]:
        """Yield up to a thousand records: the first two hundred of up to five row groups, evenly chosen."""
        groups = len(self.group_sizes)
        for group in sorted({number * groups // SAMPLED_GROUPS for number in range(SAMPLED_GROUPS if groups else 0)}):
            with reading(self.path):
                batches = self._parquet.iter_batches(SAMPLED_ROWS, [group], ["raw"], use_threads=False)
                texts = [text for batch in islice(batches, 1) for text in batch.column("raw").to_pylist()]
            yield from (text.encode() for text in texts)

    def nulls(self) -> Nulls:
        """Count by the file's own statistics: none of its rows is read."""
        metadata, counts = self._parquet.metadata, dict[str, int]()
        for group in map(metadata.row_group, range(metadata.num_row_groups)):
            for column in map(group.column, range(group.num_columns)):
                name, about = column.path_in_schema, column.statistics
                if "." not in name and about and about.has_null_count:
                    counts[name] = counts.get(name, 0) + about.null_count
        return Nulls(metadata.num_rows, counts)


@contextmanager
def opened(path: StoredPath) -> Iterator[SnapshotFile]:
    with open_file(path) as file:
        yield SnapshotFile(file, path)


def columns_of(path: StoredPath, names: Sequence[str]) -> pa.Table:
    """Return these columns alone; a field in a column is named with a dot."""
    with opened(path) as snapshot:
        return snapshot.columns(names)


def read_events(path: StoredPath) -> list[Event]:
    """Return the events of a snapshot, in its order; nothing where there is none."""
    try:
        with opened(path) as snapshot:
            batches = list(snapshot.proven())
    except FileNotFoundError:
        return []
    return [event for batch in batches for event in _events_of(batch)]


def _events_of(batch: pa.RecordBatch) -> Iterator[Event]:
    states = {state.value: state for state in Detail}
    columns = (seconds_of(batch), *(batch.column(name) for name in ("identity", "listing", "detail", "raw")))
    for at, identity, listing, state, text in zip(*(column.to_pylist() for column in columns), strict=True):
        yield Event(at, identity, listing, states[state], text.encode())
