"""How many mails each hour had, in and out. Pure."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.statuses import DIRECTIONS
from mailevents_dagster.summaries.counts import by, counts

COLUMNS: Final = ("size",)
MB: Final = 1e6
LARGEST: Final = 2**40
"""Larger sizes are not counted: the sum of a year of them would not fit into a count."""


def of_hour(table: pa.Table, hour: str) -> pa.Table:
    return pa.concat_tables(
        [
            counts("mails", [(None, len(table))], hour),
            counts("bytes", [(None, sum_of_sizes(table["size"]))], hour),
        ]
    )


def sum_of_sizes(size: pa.ChunkedArray) -> int:
    """Return the bytes of all mails, as far as their sizes can be true."""
    sane = size.filter(pc.fill_null(pc.and_(pc.greater_equal(size, 0), pc.less_equal(size, LARGEST)), fill_value=False))
    return pc.sum(sane).as_py() or 0


def numbers(table: pa.Table) -> dict[str, float]:
    mails = by(table, "mails", "feed")
    return {
        "mails": sum(mails.values()),
        **{f"mails_{direction}": mails.get(feed, 0) for feed, direction in DIRECTIONS.items()},
        "megabytes": round(sum(by(table, "bytes").values()) / MB, 1),
        "mails_in_busiest_hour": max(by(table, "mails", "hour").values(), default=0),
    }
