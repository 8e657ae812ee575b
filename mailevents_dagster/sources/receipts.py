"""What another system answered to each event that was handed to it, as records of a feed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.deliveries.message import Receipt
from mailevents_dagster.files.json_text import NotJsonError, one_line, parse
from mailevents_dagster.model.columns import Column, RowFormat
from mailevents_dagster.model.event import Detail, Event

COLUMNS: Final[tuple[Column, ...]] = (
    Column("event_id", pa.string(), "The event, by the id that the other system can tell it by."),
    Column("state", pa.string(), "taken: the other system has it. aside: it will never take it."),
    Column("receiver_id", pa.string(), "What it went out as: the id of a message, the name of a database."),
    Column("answered_at", pa.timestamp("ms", tz="UTC"), "When it answered."),
    Column("reason", pa.string(), "Why it was set aside."),
)
_FIELDS: Final = {"time", "event_id", "state", "answered_at"}


def receipt_event(receipt: Receipt) -> Event:
    """Return the event of a receipt, which stands in the hour of what was handed over."""
    return _event(
        {
            "time": receipt.time,
            "event_id": receipt.key,
            "state": receipt.state,
            "receiver_id": receipt.receiver_id,
            "answered_at": receipt.answered_at,
            "reason": receipt.reason,
        }
    )


def _event(record: Mapping[str, Any]) -> Event:
    raw = one_line(record)
    identity = bytes.fromhex(record["event_id"])[:16]
    return Event(record["time"], identity, blake2b(raw, digest_size=16).digest(), Detail.WHOLE, raw, record)


def _event_of(raw: bytes, _: int) -> Event:
    record = parse(raw)
    if not isinstance(record, dict) or not record.keys() >= _FIELDS:
        raise NotJsonError("not a receipt")
    return _event(record)


def _arrays(records: Sequence[Mapping[str, object]]) -> list[pa.Array]:
    return [pa.array([_value(record, column.name) for record in records], column.type) for column in COLUMNS]


def _value(record: Mapping[str, Any], name: str) -> object:
    value = record.get(name)
    return datetime.fromtimestamp(value, UTC) if name == "answered_at" and value is not None else value


def _read(raws: pa.StringArray) -> list[pa.Array]:
    parsed = (parse(raw) for raw in raws.cast(pa.binary()).to_pylist())
    return _arrays([record if isinstance(record, dict) else {} for record in parsed])


RECEIPT_ROWS: Final = RowFormat(
    COLUMNS, _read, _event_of, lambda _: None, arrays=_arrays, id_column="event_id", outcome_column="state"
)
