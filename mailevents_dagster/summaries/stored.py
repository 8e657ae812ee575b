"""What is made of a day, counts or lives of mails, as a Parquet file."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq

from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.stored_path import StoredPath


def write_summary(path: StoredPath, made: pa.Table) -> None:
    with publish(path) as file:
        pq.write_table(made, file, compression="zstd")


def read_summary(path: StoredPath) -> pa.Table | None:
    try:
        with path.open("rb") as file:
            return pq.ParquetFile(file).read()
    except FileNotFoundError:
        return None
