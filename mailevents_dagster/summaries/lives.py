"""Lives of mails that ended on a day, or were seen on it and are not over, from the stored lines of all mail servers.

Of the days before only those lines are read that tell of the same mails: they are few. Of the day itself, lines are
read for so many mails at a time as fit into memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.sources.maillog.lives import LINES, SCHEMA, lives
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.making import events_of

DAYS_BEFORE: Final = 7
"""How many days before the day a mail may have come: servers give up after four or five."""
MAILS_AT_ONCE: Final = 50_000
"""Five lines each, and 700 bytes a line while lives are made of them: 175 MB. More are read in several turns."""
OUTCOMES: Final = ("delivered", "bounced", "expired", "rejected", "removed", "unknown", "deferred", "queued")
QUANTILES: Final = {"delivery_seconds_p50": 0.5, "delivery_seconds_p95": 0.95}
_MAILS: Final = pa.schema([LINES.field(name) for name in ("domain", "queue_id", "message_id", "event")])
"""What lines are put together by."""

Wanted = Callable[[Feed], pc.Expression | None]
"""Which lines of a feed are read; None: none."""
Ids = dict[str, pa.Array]
"""Queue ids of each server."""


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


def lives_of_day(reading: Reading, day: Day, mails_at_once: int = MAILS_AT_ONCE) -> LivesOfDay:
    """Return the lives that ended on the day, and those that are not over and were seen on it."""
    hours = list(day.hours)
    lines_of_hours = reading.of_hours(hours, lambda _: pc.field("queue_id").is_valid(), _MAILS)
    found = [None if lines is None else _mails(lines) for lines in lines_of_hours]
    today = _mails(_together(found, _MAILS))
    earlier = _earlier_lines(reading, day, today)
    made = [SCHEMA.empty_table()]
    for mails in _portions(pa.concat_tables([today, earlier.select(_MAILS.names)]), mails_at_once):
        lines = reading.of_all(hours, _among(_ids(mails)))
        made.append(_of_day(lives(pa.concat_tables([lines, _on(mails, earlier)])), day))
    order = [(name, "ascending") for name in ("server", "arrived", "queue_id", "recipient")]
    told = pa.concat_tables(made).sort_by(order)
    return LivesOfDay(told, sum(mails is not None for mails in found), len(found))


def _earlier_lines(reading: Reading, day: Day, today: pa.Table) -> pa.Table:
    """Return the lines of the days before on mails of the day, whichever server had them then."""
    hours = list(hours_between(day.start - DAYS_BEFORE * 86_400, day.start, day.timezone))
    older = _ids(today.filter(pc.is_null(today["event"])))
    before = reading.of_all(hours, _among(older), _MAILS)
    names = pa.concat_tables([today, before])["message_id"].unique().drop_null()
    of_same = _ids(reading.of_all(hours, lambda _: _is_one_of("message_id", names), _MAILS))
    ids = {one: pa.concat_arrays([ids[one] for ids in (older, of_same) if one in ids]) for one in older | of_same}
    return reading.of_all(hours, _among(ids))


def _portions(lines: pa.Table, mails_at_once: int) -> Iterator[pa.Table]:
    """Yield the mails in portions; those of one Message-ID, which may be one mail on two servers, stay together."""
    mails = _mails(lines)
    names = pc.coalesce(mails["message_id"], _keys(mails["domain"], mails["queue_id"]))
    places = names.combine_chunks().dictionary_encode().indices.to_numpy()
    for portion in range(-(-len(mails) // mails_at_once)):
        yield mails.filter(pa.array(places // mails_at_once == portion))


def _mails(lines: pa.Table) -> pa.Table:
    """Return a row for each server and queue id, with the Message-ID, and with the event where it is an arrival."""
    arrival = pc.if_else(pc.equal(lines["event"], "arrival"), lines["event"], pa.scalar(None, pa.string()))
    lines = lines.set_column(lines.schema.get_field_index("event"), "event", arrival)
    found = lines.group_by(["domain", "queue_id"], use_threads=False)
    return found.aggregate([("message_id", "first"), ("event", "first")]).rename_columns(_MAILS.names)


def _on(mails: pa.Table, lines: pa.Table) -> pa.Table:
    """Return the lines on these mails."""
    wanted = _keys(mails["domain"], mails["queue_id"])
    return lines.filter(pc.is_in(_keys(lines["domain"], lines["queue_id"]), value_set=wanted))


def _of_day(told: pa.Table, day: Day) -> pa.Table:
    at = pc.coalesce(told["finished"], told["last_seen"]).cast(pa.int64())
    return told.filter(pc.and_(pc.greater_equal(at, day.start * 1000), pc.less(at, day.end * 1000)))


def _together(tables: Iterable[pa.Table | None], schema: pa.Schema) -> pa.Table:
    return pa.concat_tables([schema.empty_table(), *(table for table in tables if table is not None)])


def _among(ids: Ids) -> Wanted:
    return lambda feed: _is_one_of("queue_id", ids.get(feed.domain))


def _is_one_of(name: str, values: pa.Array | None) -> pc.Expression | None:
    return pc.field(name).isin(values) if values else None


def _ids(lines: pa.Table) -> Ids:
    """Return the queue ids of each server in these lines."""
    found = lines.group_by(["domain", "queue_id"]).aggregate([])
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
