"""How many mails each hour had, in and out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.summaries.counts import by, counts, total

COLUMNS: Final = ("size",)
DIRECTIONS: Final[Mapping[str, str]] = {"mail/incominglog": "incoming", "mail/outgoinglog": "outgoing"}
"""By the feed: what a record says of its own direction is assumed, which feed it is in is certain."""
MB: Final = 1e6
LARGEST: Final = 2**40
"""A size above is none: a year of them would not fit into a count."""


def of_hour(table: pa.Table, hour: str) -> pa.Table:
    size = table["size"]
    sane = size.filter(pc.fill_null(pc.and_(pc.greater_equal(size, 0), pc.less_equal(size, LARGEST)), fill_value=False))
    return pa.concat_tables(
        [
            counts("mails", [(None, len(table))], hour),
            counts("bytes", [(None, pc.sum(sane).as_py() or 0)], hour),
        ]
    )


def of_day(hours: Sequence[pa.Table]) -> pa.Table:
    return total(hours)


def numbers(table: pa.Table) -> dict[str, float]:
    """The main numbers, under names that stay."""
    mails = by(table, "mails", "feed")
    return {
        "mails": sum(mails.values()),
        **{f"mails_{direction}": mails.get(feed, 0) for feed, direction in DIRECTIONS.items()},
        "megabytes": round(sum(by(table, "bytes").values()) / MB, 1),
        "mails_in_busiest_hour": max(by(table, "mails", "hour").values(), default=0),
    }
