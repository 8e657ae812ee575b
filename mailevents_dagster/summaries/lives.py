"""Lives of mails that ended on a day, or were seen on it and are not over, from the stored lines of all mail servers.

Of the days before only those lines are read that tell of the same mails: they are few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.sources.maillog.lives import LINES, lives
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.days import Day
from mailevents_dagster.summaries.making import events_of

DAYS_BEFORE: Final = 7
"""How many days before the day a mail may have come: servers give up after four or five."""
OUTCOMES: Final = ("delivered", "bounced", "expired", "rejected", "removed", "unknown", "deferred", "queued")
QUANTILES: Final = {"delivery_seconds_p50": 0.5, "delivery_seconds_p95": 0.95}
_IDS: Final = pa.schema([LINES.field(name) for name in ("domain", "queue_id", "message_id")])

Wanted = Callable[[Feed], pc.Expression | None]
"""Which lines of a feed are read; None: none."""


@dataclass(frozen=True, slots=True)
class LivesOfDay:
    """The lives, and how many of the day's hours they are made of."""

    lives: pa.Table
    hours_kept: int
    hours: int


@dataclass(frozen=True, slots=True)
class Reading:
    """The stored lines of some mail servers; `note` is told of hours that cannot be read, perhaps more than once."""

    store: Store
    feeds: Sequence[Feed]
    note: Callable[[str], object]

    def of_hours(self, hours: Sequence[Hour], wanted: Wanted, schema: pa.Schema = LINES) -> Iterator[pa.Table | None]:
        """Yield the lines of each hour that is asked for; None where it is not there."""
        for feed in self.feeds:
            for hour in hours if (which := wanted(feed)) is not None else ():
                table = events_of(self.store, feed, hour, schema.names, self.note, which)
                yield None if table is None else table.cast(schema)

    def of_all(self, hours: Sequence[Hour], wanted: Wanted, schema: pa.Schema = LINES) -> pa.Table:
        return _together(self.of_hours(hours, wanted, schema), schema)


def lives_of_day(reading: Reading, day: Day) -> LivesOfDay:
    """Return the lives that ended on the day, and those that are not over and were seen on it."""
    hours = list(reading.of_hours(list(day.hours), lambda _: pc.field("queue_id").is_valid()))
    today = _together(hours, LINES)
    told = lives(pa.concat_tables([today, _earlier_lines(reading, day, today)]))
    at = pc.coalesce(told["finished"], told["last_seen"]).cast(pa.int64())
    is_of_day = pc.and_(pc.greater_equal(at, day.start * 1000), pc.less(at, day.end * 1000))
    return LivesOfDay(told.filter(is_of_day), sum(hour is not None for hour in hours), len(hours))


def _earlier_lines(reading: Reading, day: Day, today: pa.Table) -> pa.Table:
    """Return the lines of the days before on mails of the day, whichever server had them then."""
    hours = list(hours_between(day.start - DAYS_BEFORE * 86_400, day.start, day.timezone))
    begun = _ids(today.filter(pc.equal(today["event"], "arrival")))
    older = {server: _without(ids, begun.get(server)) for server, ids in _ids(today).items()}
    before = reading.of_all(hours, lambda feed: _is_one_of("queue_id", older.get(feed.domain)), _IDS)
    names = pa.concat_tables([one.select(["message_id"]) for one in (today, before)])["message_id"].unique().drop_null()
    of_same = _ids(reading.of_all(hours, lambda _: _is_one_of("message_id", names), _IDS))
    wanted = {
        server: pa.concat_arrays([ids[server] for ids in (older, of_same) if server in ids])
        for server in older | of_same
    }
    return reading.of_all(hours, lambda feed: _is_one_of("queue_id", wanted.get(feed.domain)))


def _together(tables: Iterator[pa.Table | None] | Sequence[pa.Table | None], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *(table for table in tables if table is not None)])


def _without(ids: pa.Array, others: pa.Array | None) -> pa.Array:
    return ids if others is None else ids.filter(pc.invert(pc.is_in(ids, others)))


def _is_one_of(name: str, values: pa.Array | None) -> pc.Expression | None:
    return pc.field(name).isin(values) if values else None


def _ids(lines: pa.Table) -> dict[str, pa.Array]:
    """Return the queue ids of each server in these lines."""
    found = lines.filter(pc.is_valid(lines["queue_id"])).group_by(["domain", "queue_id"]).aggregate([])
    servers = pc.unique(found["domain"]).to_pylist()
    return {one: found.filter(pc.equal(found["domain"], one))["queue_id"].combine_chunks() for one in servers}


def numbers(made: LivesOfDay) -> dict[str, Any]:
    """Return what became of the mails of a day; one that several servers had counts where it came in first."""
    rows = _first_servers(made.lives)
    outcomes = {one["values"]: one["counts"] for one in rows["outcome"].value_counts().to_pylist()}
    seconds = _delivery_seconds(rows)
    return {
        "mails": len(rows.group_by(["server", "queue_id", "arrived"]).aggregate([])),
        "recipients": len(rows),
        **{name: outcomes.get(name, 0) for name in OUTCOMES},
        **(
            {
                name: round(float(np.quantile(seconds, share, method="inverted_cdf")), 1)
                for name, share in QUANTILES.items()
            }
            if len(seconds)
            else {}
        ),
        "hours_kept": made.hours_kept,
        "hours": made.hours,
        "complete": made.hours_kept == made.hours,
    }


def _first_servers(told: pa.Table) -> pa.Table:
    """Return the rows of mails that no other server handed on."""
    handed = told["handed_to"].combine_chunks()
    next_ones = _keys(*(pc.struct_field(handed, name) for name in ("server", "queue_id")))
    here = _keys(told["server"], told["queue_id"])
    return told.filter(pc.invert(pc.is_in(here, next_ones, skip_nulls=True)))


def _keys(server: pa.Array | pa.ChunkedArray, queue_id: pa.Array | pa.ChunkedArray) -> pa.Array | pa.ChunkedArray:
    return pc.binary_join_element_wise(server, queue_id, " ")


def _delivery_seconds(rows: pa.Table) -> Any:
    """Return the seconds from arrival to delivery; none are negative, though clocks of servers may be apart."""
    delivered = rows.filter(pc.and_(pc.equal(rows["outcome"], "delivered"), pc.is_valid(rows["arrived"])))
    milliseconds = pc.subtract(delivered["finished"].cast(pa.int64()), delivered["arrived"].cast(pa.int64()))
    return np.maximum(milliseconds.to_numpy(), 0) / 1000
