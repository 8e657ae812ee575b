"""What another system answered to each event that was handed to it, as records of a feed."""

from __future__ import annotations

from functools import partial
from typing import Final

import pyarrow as pa

from mailevents_dagster.deliveries.message import Receipt
from mailevents_dagster.model.columns import Column, RowFormat
from mailevents_dagster.model.event import Event
from mailevents_dagster.sources.json_records import arrays_of, event_reader, event_with_id, read

COLUMNS: Final[tuple[Column, ...]] = (
    Column("event_id", pa.string(), "The event, by the id that the other system can tell it by."),
    Column("state", pa.string(), "taken: the other system has it. aside: it will never take it."),
    Column("receiver_id", pa.string(), "What it went out as: the id of a message, the name of a database."),
    Column("answered_at", pa.timestamp("ms", tz="UTC"), "When it answered."),
    Column("reason", pa.string(), "Why it was set aside."),
)
_FIELDS: Final = frozenset({"time", "event_id", "state", "answered_at"})


def receipt_event(receipt: Receipt) -> Event:
    """Return the event of a receipt, which stands in the hour of what was handed over."""
    return event_with_id(
        {
            "time": receipt.time,
            "event_id": receipt.key,
            "state": receipt.state,
            "receiver_id": receipt.receiver_id,
            "answered_at": receipt.answered_at,
            "reason": receipt.reason,
        }
    )


RECEIPT_ROWS: Final = RowFormat(
    COLUMNS,
    partial(read, COLUMNS),
    event_reader(_FIELDS, event_with_id),
    lambda _: None,
    arrays=partial(arrays_of, COLUMNS),
    id_column="event_id",
    outcome_column="state",
)
