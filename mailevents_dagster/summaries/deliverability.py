"""What became of mails, counted once for each recipient. Pure.

A unit is one message for one recipient, in one feed, on one day. A message is known by its Message-ID or else its queue
id, and is otherwise one of its own; a recipient by the address or else the place in the list. A mail that names no
recipient is one unit. If several records speak of a unit, the last status counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.statuses import CLASSES, ENHANCED_IN_REPLY, OUTCOMES, class_of, outcome_of
from mailevents_dagster.summaries.anonymous import domains_of
from mailevents_dagster.summaries.counts import by, nothing, numbers_of, occurrences, quantile, total

COLUMNS: Final = ("event_time", "message_id", "queue_id", "mailfrom", "sender", "recipients")
FAILED: Final = ("bounced", "rejected")
QUANTILES: Final = {"delivery_seconds_p50": 0.5, "delivery_seconds_p90": 0.9, "delivery_seconds_p99": 0.99}
_BETWEEN: Final = "\x1f"


def of_hour(table: pa.Table, hour: str) -> pa.Table:
    """Return the units of an hour, one row for each status that a record gives."""
    table = table.combine_chunks()
    recipients = _only_chunk(table["recipients"])
    bare = pc.indices_nonzero(pc.equal(pc.fill_null(pc.list_value_length(recipients), 0), 0))
    parents = pc.list_parent_indices(recipients).cast(pa.uint64())
    rows = pa.concat_arrays([parents, bare])
    entries = pc.list_flatten(recipients)

    def field(name: str) -> pa.Array:
        found = pc.struct_field(entries, name)
        return pa.concat_arrays([found, pa.nulls(len(bare), found.type)])

    first = _only_chunk(table["event_time"]).cast(pa.int64()).take(rows)
    own_time = field("time").cast(pa.int64())
    at = pc.coalesce(own_time, first)
    code = _enhanced(field("status_code"), field("status_string"))
    status = pc.utf8_lower(pc.utf8_trim_whitespace(field("status")))
    outcome = _mapped(outcome_of, status, pc.coalesce(code, field("status_code")))
    mailto = pc.utf8_lower(pc.utf8_trim_whitespace(field("mailto")))
    sender = pc.coalesce(_text(table, "mailfrom"), _text(table, "sender")).take(rows)
    return pa.table(
        {
            "message": _messages(table, hour).take(rows),
            "recipient": pc.coalesce(_filled(mailto), _places(recipients, len(bare))),
            "outcome": outcome,
            "class": _mapped(class_of, code),
            "at": at,
            "first": pc.min_element_wise(first, at),
            "is_timed": pc.is_valid(own_time),
            "sender_domain": domains_of(sender),
            "recipient_domain": domains_of(mailto),
        }
    )


def of_day(hours: Sequence[pa.Table]) -> pa.Table:
    rows = pa.concat_tables(hours) if hours else None
    if not rows:
        return nothing()
    units = _last_of_each(rows)
    outcome = units["outcome"]
    delivered = units.filter(pc.and_(pc.equal(outcome, "delivered"), units["is_timed"]))
    seconds = pc.divide(pc.subtract(delivered["at"], delivered["first"]), 1000)
    return total(
        [
            occurrences("outcome", outcome),
            occurrences("bounce_class", units["class"].filter(pc.is_in(outcome, pa.array(FAILED)))),
            occurrences("deferral_class", units["class"].filter(pc.equal(outcome, "deferred"))),
            occurrences("delivery_seconds", seconds),
            occurrences("sender_domain", units["sender_domain"]),
            occurrences("recipient_domain", units["recipient_domain"]),
        ]
    )


def numbers(table: pa.Table) -> dict[str, float]:
    """Return the main numbers; no quantiles where nothing could be measured."""
    outcomes, classes = by(table, "outcome"), by(table, "bounce_class")
    units, seconds = sum(outcomes.values()), numbers_of(table, "delivery_seconds")
    return {
        "units": units,
        **{outcome: outcomes.get(outcome, 0) for outcome in OUTCOMES},
        **({"delivered_share": round(outcomes.get("delivered", 0) / units, 4)} if units else {}),
        **{f"bounces_{name}": classes.get(name, 0) for name in CLASSES},
        "deliveries_timed": sum(seconds.values()),
        **{name: value for name, share in QUANTILES.items() if (value := quantile(seconds, share)) is not None},
    }


def _last_of_each(rows: pa.Table) -> pa.Table:
    """Return the last status of each unit, with the earliest time that any of its records gives."""
    ordered = rows.take(pc.sort_indices(rows["at"]))  # stable: of equal times the later record counts
    numbered = ordered.append_column("row", pa.array(range(len(ordered)), pa.int64()))
    grouped = numbered.group_by(["message", "recipient"]).aggregate([("row", "max"), ("first", "min")])
    last = ordered.drop_columns(["message", "recipient", "first"]).take(grouped["row_max"])
    return last.append_column("first", grouped["first_min"])


def _messages(table: pa.Table, hour: str) -> pa.Array:
    alone = pc.binary_join_element_wise("-", hour, pa.array(range(len(table))).cast(pa.string()), "")
    message_id, queue_id = _text(table, "message_id"), _text(table, "queue_id")
    return pc.coalesce(
        pc.binary_join_element_wise("m", message_id, ""), pc.binary_join_element_wise("q", queue_id, ""), alone
    )


def _places(recipients: pa.ListArray, bare: int) -> pa.Array:
    """Return the place of each recipient in its list, for those without an address."""
    lengths = pc.fill_null(pc.list_value_length(recipients), 0).to_pylist()
    return pa.array([f"#{place}" for length in lengths for place in range(length)] + ["#"] * bare, pa.string())


def _enhanced(code: pa.Array, answer: pa.Array) -> pa.Array:
    """Return the enhanced status codes of the field, or else those at their place in the server's answer."""
    own = _mapped(lambda text: text if class_of(text) != "no_code" else None, code)
    without = pc.is_null(own)
    if not pc.any(without).as_py():
        return own
    asked = pc.if_else(without, answer, pa.scalar(None, pa.string()))
    return pc.coalesce(own, pc.struct_field(pc.extract_regex(asked, ENHANCED_IN_REPLY), "code"))


def _mapped(function: Callable[..., str | None], *columns: pa.Array) -> pa.Array:
    """Return the function of each row, called once for each that differs: a day has few."""
    marked = (pc.fill_null(pc.binary_join_element_wise("=", column, ""), "") for column in columns)
    joined = pc.binary_join_element_wise(*marked, _BETWEEN).dictionary_encode()
    rows = ([part[1:] if part else None for part in text.split(_BETWEEN)] for text in joined.dictionary.to_pylist())
    return pa.array([function(*row[: len(columns)]) for row in rows], pa.string()).take(joined.indices)


def _text(table: pa.Table, name: str) -> pa.Array:
    return _filled(pc.utf8_trim_whitespace(_only_chunk(table[name])))


def _filled(texts: pa.Array) -> pa.Array:
    """Return the texts with nulls for empty ones."""
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def _only_chunk(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
