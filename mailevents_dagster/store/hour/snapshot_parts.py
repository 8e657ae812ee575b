"""Parts of a snapshot for those who need not all of it: some columns, a sample of its records, what is null in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from mailevents_dagster.store.hour.parquet import reading

GROUPS: Final = 5
ROWS_A_GROUP: Final = 200


@dataclass(frozen=True, slots=True)
class Nulls:
    """How many rows there are, and how many of them have nothing in a column; lists are not among the columns."""

    rows: int
    of: Mapping[str, int]


def columns_of(path: UPath, names: Sequence[str]) -> pa.Table:
    """These columns alone; a field in a column is named with a dot."""
    with _open(path) as parquet:
        return parquet.read(list(names), use_threads=False)


def sample_of(path: UPath) -> list[bytes]:
    """Up to a thousand records: the first two hundred of up to five row groups, evenly chosen."""
    with _open(path) as parquet:
        groups = parquet.num_row_groups
        chosen = sorted({number * groups // GROUPS for number in range(GROUPS)}) if groups else []
        found: list[bytes] = []
        for group in chosen:
            batches = parquet.iter_batches(ROWS_A_GROUP, row_groups=[group], columns=["raw"], use_threads=False)
            if batch := next(batches, None):
                found += (text.encode() for text in batch.column("raw").to_pylist())
        return found


def nulls_of(path: UPath) -> Nulls:
    """From the file's own statistics: none of its rows is read."""
    with _open(path) as parquet:
        counts: dict[str, int] = {}
        for group in range(parquet.num_row_groups):
            about = parquet.metadata.row_group(group)
            for place in range(about.num_columns):
                column = about.column(place)
                if "." not in column.path_in_schema and column.statistics and column.statistics.has_null_count:
                    counts[column.path_in_schema] = counts.get(column.path_in_schema, 0) + column.statistics.null_count
        return Nulls(parquet.metadata.num_rows, counts)


@contextmanager
def _open(path: UPath) -> Iterator[pq.ParquetFile]:
    """DamagedError where it is no Parquet file, or not in all its parts; FileNotFoundError where there is none."""
    with path.open("rb") as file, reading(path):
        yield pq.ParquetFile(file)
