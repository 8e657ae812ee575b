"""What went through mail servers in each hour, and how many of their lines no rule knew. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.summaries.counts import by, by_hour, counts, occurrences
from mailevents_dagster.summaries.volume import MB, sum_of_sizes

COLUMNS: Final = ("event", "queue_id", "size", "known")
EVENTS: Final[Mapping[str, str]] = {
    "arrival": "arrivals",
    "delivery": "deliveries",
    "deferral": "deferrals",
    "bounce": "bounces",
    "rejection": "rejections",
}
"""The events that have a number of their own, and its name."""


def of_hour(table: pa.Table, hour: str) -> pa.Table:
    unknown = pc.sum(pc.invert(table["known"])).as_py() or 0
    return pa.concat_tables(
        [
            occurrences("event", table["event"], hour),
            counts("unknown_lines", [(None, unknown)], hour),
            counts("bytes", [(None, _arrived_bytes(table))], hour),
        ]
    )


def numbers(table: pa.Table) -> dict[str, float]:
    events, unknown = by(table, "event"), sum(by(table, "unknown_lines").values())
    lines = sum(events.values())
    return {
        **{name: events.get(event, 0) for event, name in EVENTS.items()},
        "arrivals_in_busiest_hour": max(by_hour(table, "event", "arrival").values(), default=0),
        "megabytes": round(sum(by(table, "bytes").values()) / MB, 1),
        "lines": lines,
        "unknown_lines": unknown,
        **({"unknown_share": round(unknown / lines, 4)} if lines else {}),
    }


def _arrived_bytes(table: pa.Table) -> int:
    """Return the size of the mails that arrived; several lines may tell it, also long after the arrival."""
    arrived = table.filter(pc.equal(table["event"], "arrival"))["queue_id"]
    tells = pc.and_(pc.is_valid(table["size"]), pc.is_in(table["queue_id"], value_set=arrived, skip_nulls=True))
    sizes = table.filter(tells).group_by("queue_id", use_threads=False).aggregate([("size", "first")])
    return sum_of_sizes(sizes["size_first"])
