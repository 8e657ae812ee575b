"""Files of counts: a day's summary, as Parquet."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from mailevents_dagster.files.atomic import publish


def write_summary(path: UPath, counts: pa.Table) -> None:
    """Puts the counts there whole, in the place of those made before."""
    with publish(path) as file:
        pq.write_table(counts, file, compression="zstd")


def read_summary(path: UPath) -> pa.Table | None:
    """The counts, or None where there are none."""
    try:
        with path.open("rb") as file:
            return pq.ParquetFile(file).read()
    except FileNotFoundError:
        return None
