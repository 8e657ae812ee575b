"""Counts: the one form that all summaries have. Pure.

A row says how often something was counted: `measure` what, `key` which of it. Counts of several hours, feeds or domains
are added up; so none of them is a mean or a quantile, which cannot be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.columns import Column

COUNTS: Final = pa.schema(
    [
        Column("measure", pa.string(), "What is counted.").field,
        Column("feed", pa.string(), "The feed it was counted in, such as mail/incominglog.").field,
        Column("hour", pa.string(), "The hour's partition key; null where not by hours.").field,
        Column("key", pa.string(), "Which of the measure; null where there is one.").field,
        Column("count", pa.int64(), "How often, or how much.").field,
    ]
)
BY: Final = COUNTS.names[:-1]
NONE: Final = "(none)"
"""The key of what a record does not say."""
HOURS: Final = "hours"
HOURS_KEPT: Final = "hours_kept"
"""Measures by hour: how many hours of feeds the day has, and how many of them are stored."""


def nothing() -> pa.Table:
    return COUNTS.empty_table()


def counts(measure: str, table: Iterable[tuple[str | None, int]], hour: str | None = None) -> pa.Table:
    """Return counts of a measure by key; the caller fills in the feed."""
    pairs = list(table)
    return counted(measure, pa.array([key for key, _ in pairs], pa.string()), [count for _, count in pairs], hour)


def counted(measure: str, keys: pa.Array, numbers: Sequence[int] | pa.Array, hour: str | None = None) -> pa.Table:
    return pa.table(
        [
            pa.repeat(measure, len(keys)),
            pa.nulls(len(keys), pa.string()),
            pa.repeat(hour, len(keys)) if hour else pa.nulls(len(keys), pa.string()),
            keys,
            pa.array(numbers, pa.int64()) if isinstance(numbers, Sequence) else numbers,
        ],
        schema=COUNTS,
    )


def occurrences(measure: str, keys: pa.Array | pa.ChunkedArray, hour: str | None = None) -> pa.Table:
    """Count how often each key occurs, leaving out nulls."""
    found = pc.drop_null(keys).value_counts()
    return counted(measure, found.field("values").cast(pa.string()), found.field("counts"), hour)


def total(tables: Iterable[pa.Table]) -> pa.Table:
    """Add counts up; the order of the result does not depend on theirs."""
    together = pa.concat_tables([nothing(), *tables])
    added = together.group_by(BY).aggregate([("count", "sum")]).rename_columns([*BY, "count"])
    return added.select(COUNTS.names).cast(COUNTS).sort_by([(name, "ascending") for name in BY])


def of_feed(table: pa.Table, feed: str) -> pa.Table:
    return table.set_column(BY.index("feed"), COUNTS.field("feed"), pa.repeat(feed, len(table)))


def by(table: pa.Table, measure: str, name: str = "key", feed: str | None = None) -> dict[str, int]:
    """Return the counts of a measure by its keys (or by `hour` or `feed`), the most frequent first."""
    wanted = pc.equal(table["measure"], measure)
    if feed is not None:
        wanted = pc.and_(wanted, pc.equal(table["feed"], feed))
    found = table.filter(wanted).group_by(name).aggregate([("count", "sum")])
    pairs = zip(found[name].to_pylist(), found["count_sum"].to_pylist(), strict=True)
    return dict(sorted(((key or "", count) for key, count in pairs), key=lambda pair: (-pair[1], pair[0])))


def by_hour(table: pa.Table, measure: str, key: str | None = None, feed: str | None = None) -> dict[str, int]:
    """Return the counts of a measure in each hour."""
    return by(table if key is None else table.filter(pc.equal(table["key"], key)), measure, "hour", feed)


def quantile(distribution: Mapping[int, int], share: float) -> int | None:
    """Return the smallest value that this share of all does not exceed; exact, since every value is counted."""
    below, wanted = 0, share * sum(distribution.values())
    for value, times in sorted(distribution.items()):
        below += times
        if below >= wanted:
            return value
    return None


def numbers_of(table: pa.Table, measure: str) -> dict[int, int]:
    """Return the counts of a measure whose keys are whole numbers."""
    return {int(key): count for key, count in by(table, measure).items()}
