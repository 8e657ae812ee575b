"""Lives of mails: what became of each recipient of each mail, from the lines of one server or several.

Queue ids come again. A life ends with the completion of the mail; a second arrival under the same id, or a line after a
long silence, begins another one.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mailevents_dagster.model.columns import Column
from mailevents_dagster.sources.maillog.grammar.columns import COLUMNS as LINE_COLUMNS
from mailevents_dagster.sources.maillog.grammar.columns import NOT_TRIED
from mailevents_dagster.sources.maillog.handing_on import follow
from mailevents_dagster.sources.maillog.recipients import known_again

_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("ms", tz="UTC")

COLUMNS: Final[tuple[Column, ...]] = (
    Column("server", _TEXT, "The server in whose queue the mail was."),
    Column("queue_id", _TEXT, "The id of the mail in that queue."),
    Column("message_id", _TEXT, "The Message-ID of the mail."),
    Column("sender", _TEXT, "The envelope sender; empty for the null sender."),
    Column("recipient", _TEXT, "The final address; null where no line tells for whom the mail was."),
    Column("original_recipient", _TEXT, "The address as it came, where the final one is another."),
    Column("arrived", _TIME, "When the mail came; null where the line that tells it is missing."),
    Column("finished", _TIME, "When the last word on the recipient was said; null as long as there is none."),
    Column("last_seen", _TIME, "When a line told of the mail last, on the server where it was last."),
    Column("attempts", pa.int32(), "How often this server tried to deliver the mail to the recipient."),
    Column(
        "outcome",
        _TEXT,
        "What became of it: delivered, bounced, expired (given up after many deferrals), rejected (refused when it had "
        "an id), removed (taken out of the queue by hand), deferred (will be tried again), queued (not tried yet), or "
        "unknown (over, but the lines that tell how are missing).",
    ),
    Column("code", pa.int16(), "The SMTP reply code of the last answer."),
    Column("enhanced_code", _TEXT, "The enhanced status code of the last answer."),
    Column("text", _TEXT, "The last answer, or the last reason."),
    Column("relay", _TEXT, "The host that gave it, or else its address."),
    Column(
        "handed_to",
        pa.struct([("server", _TEXT), ("queue_id", _TEXT)]),
        "The next server that took the mail, and its queue id there. Outcome, answer and relay are those of the last.",
    ),
)

LONGEST_SILENCE: Final = 14 * 86_400_000
"""Milliseconds without a line after which the same id means another mail; no server retries that rarely."""

_OUTCOMES: Final = {"delivery": "delivered", "bounce": "bounced", "deferral": "deferred", "rejection": "rejected"}
_ADDRESSES: Final = ("queue_id", "message_id", "sender", "recipient", "original_recipient")
_ANSWER: Final = ("code", "enhanced_code", "text")
_READ: Final = {"event", "program", "relay_host", "relay_address", *_ADDRESSES, *_ANSWER}
LINES: Final = pa.schema(
    [("domain", _TEXT), ("event_time", _TIME), *((one.name, one.type) for one in LINE_COLUMNS if one.name in _READ)]
)
"""What lives are made of: these columns of lines, and the server."""
_GIVEN_UP: Final = "retry timeout exceeded"
"""How Exim begins to say that an address was deferred for too long."""
_TRIED: Final = ("delivered", "bounced", "deferred")
SCHEMA: Final = pa.schema([column.field for column in COLUMNS])


def lives(lines: pa.Table) -> pa.Table:
    """Return a row for each mail and recipient of these lines, in whatever order the lines are."""
    lines = lines.select(LINES.names).filter(pc.is_valid(lines["queue_id"])).cast(LINES)
    if not len(lines):
        return SCHEMA.empty_table()
    mails, starts = _sorted_mails(lines)
    life = np.cumsum(starts) - 1
    recipients = _recipients(mails, life)
    of_mails = {name: values.take(recipients["life"]) for name, values in _whole_mails(mails, life).items()}
    told = follow(_closed(pa.table({**recipients, **of_mails})))
    order = pc.sort_indices(told, [(name, "ascending") for name in ("server", "started", "queue_id", "recipient")])
    return told.take(order).select(SCHEMA.names).cast(SCHEMA).combine_chunks()


def _sorted_mails(lines: pa.Table) -> tuple[pa.Table, NDArray[np.bool_]]:
    """Return the lines mail by mail, those of each in the order of time, and which of them begin a life."""
    ids = pc.binary_join_element_wise(lines["domain"], lines["queue_id"], " ").combine_chunks()
    key = ids.dictionary_encode().indices.to_numpy()
    time = lines["event_time"].cast(pa.int64()).to_numpy()
    order = np.lexsort((time, key))
    mails, key, time = lines.take(order).combine_chunks(), key[order], time[order]
    arrives, completes = (pc.equal(mails["event"], name).to_numpy() for name in ("arrival", "completion"))
    starts = np.ones(len(order), np.bool_)
    starts[1:] = (key[1:] != key[:-1]) | completes[:-1] | (time[1:] - time[:-1] > LONGEST_SILENCE)
    arrivals = np.cumsum(arrives)
    before = np.maximum.accumulate(np.where(starts, arrivals - arrives, 0))
    return mails, starts | (arrives & (arrivals - before > 1))


def _recipients(mails: pa.Table, life: NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return a row for each recipient of each life, by the last line on it, and one for a life without such a line."""
    outcome = _outcomes(mails)
    is_told = outcome.is_valid().to_numpy(zero_copy_only=False)
    is_silent = ~np.isin(life, life[is_told])
    rows = np.flatnonzero(is_told | (is_silent & np.append(life[1:] != life[:-1], True)))
    outcome = outcome.take(pa.array(rows))
    lines = {
        name: _where(outcome.is_valid(), mails[name].take(pa.array(rows)).combine_chunks()) for name in LINES.names
    }
    of_life = pa.array(life[rows])
    final, original = known_again(of_life, lines["recipient"], lines["original_recipient"])
    key = pc.binary_join_element_wise(of_life.cast(_TEXT), final.fill_null(""), original.fill_null(""), "\n")
    group = key.dictionary_encode().indices.to_numpy()
    is_skipped = pc.match_substring_regex(lines["text"].fill_null(""), NOT_TRIED).to_numpy(zero_copy_only=False)
    is_try = pc.is_in(outcome, value_set=pa.array(_TRIED)).to_numpy(zero_copy_only=False) & ~is_skipped
    last = np.zeros(group.max() + 1, np.int64)
    for which in (is_skipped, ~is_skipped):
        last[group[which]] = np.flatnonzero(which)
    at = pa.array(last)
    return {
        "life": of_life.take(at),
        "recipient": final.take(at),
        "original_recipient": original.take(at),
        "attempts": pa.array(np.bincount(group, is_try).astype(np.int32)),
        "outcome": outcome.take(at).fill_null("queued"),
        "relay": pc.coalesce(lines["relay_host"], lines["relay_address"]).take(at),
        **{name: lines[name].take(at) for name in ("event_time", *_ANSWER)},
    }


def _outcomes(mails: pa.Table) -> pa.StringArray:
    """Return what each line says of a recipient; null where it says nothing, or nothing of a certain one."""
    place = pc.index_in(mails["event"], value_set=pa.array([*_OUTCOMES]))
    told = pa.array([*_OUTCOMES.values()]).take(place.combine_chunks())
    gives_up = pc.and_(pc.equal(mails["event"], "bounce"), pc.starts_with(mails["text"].fill_null(""), _GIVEN_UP))
    return pc.if_else(_expiries(mails), None, pc.if_else(gives_up.combine_chunks(), "expired", told))


def _expiries(mails: pa.Table) -> pa.BooleanArray:
    """Return which lines say that a mail was given up, for all who had not got it."""
    return pc.and_(pc.equal(mails["event"], "bounce"), pc.is_null(mails["recipient"])).combine_chunks()


def _whole_mails(mails: pa.Table, life: NDArray[np.int64]) -> dict[str, pa.Array]:
    """Return what is told of each life as a whole."""
    time, event = mails["event_time"], mails["event"]
    message_ids, senders = mails["message_id"], mails["sender"]
    ends = pc.equal(event, "completion")
    by_hand = pc.or_(
        pc.and_(ends, pc.ends_with(mails["program"].fill_null(""), "postsuper")),
        pc.match_substring_regex(mails["text"].fill_null(""), "^(?:removed|cancelled) by "),
    )
    return {
        "server": _first(life, mails["domain"]),
        "queue_id": _first(life, mails["queue_id"]),
        "started": _first(life, time),
        "message_id": _first(life, message_ids, message_ids.is_valid()),
        "sender": _first(life, senders, senders.is_valid()),
        "arrived": _first(life, time, pc.or_(pc.equal(event, "arrival"), message_ids.is_valid())),
        "expired": _first(life, time, _expiries(mails)),
        "last_seen": _first(life, time, pa.chunked_array([np.append(life[1:] != life[:-1], True)])),
        "ended": _first(life, time, ends),
        "taken_out": _first(life, time, by_hand),
    }


def _first(life: NDArray[np.int64], values: pa.ChunkedArray, wanted: pa.ChunkedArray | None = None) -> pa.Array:
    """Return the first wanted value of each life; null where there is none."""
    rows = np.arange(len(life)) if wanted is None else np.flatnonzero(wanted.to_numpy(zero_copy_only=False))
    of_lives, first = np.unique(life[rows], return_index=True)
    places = np.full(life[-1] + 1, -1)
    places[of_lives] = rows[first]
    return values.combine_chunks().take(pa.array(places, mask=places < 0))


def _where(wanted: pa.BooleanArray, values: pa.Array) -> pa.Array:
    return pc.if_else(wanted, values, pa.scalar(None, values.type))


def _closed(rows: pa.Table) -> pa.Table:
    """Return the rows with what the end of the mail means for those on whom no last word was said."""
    is_open = pc.is_in(rows["outcome"], value_set=pa.array(["deferred", "queued"]))
    end = pc.coalesce(rows["expired"], rows["ended"])
    gone = pc.if_else(rows["taken_out"].is_valid(), "removed", "unknown")
    over = pc.if_else(rows["expired"].is_valid(), "expired", pc.if_else(end.is_valid(), gone, rows["outcome"]))
    finished = pc.if_else(is_open, end, rows["event_time"])
    outcome = pc.if_else(is_open, over, rows["outcome"])
    place = rows.schema.get_field_index("outcome")
    return rows.set_column(place, "outcome", outcome).append_column("finished", finished)
