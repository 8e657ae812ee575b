"""What the store needs to know of bounces: their records are JSON, made of committed lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.files.json_text import NotJsonError, one_line, parse
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.sources.maillog.bounces.columns import COLUMNS

TIME: Final = "time"
"""The field of a record that says when its line was written; its other fields are the columns."""


def bounce_event(row: Mapping[str, Any]) -> Event:
    """Return the event of a bounce."""
    others = {name: value for name, value in row.items() if name != "event_time"}
    return _event({TIME: int(row["event_time"].timestamp()), **others})


def _event(record: Mapping[str, Any]) -> Event:
    """Return the event of a record. It is known again by its id, and has changed where anything else is another."""
    raw = one_line(record)
    identity = bytes.fromhex(record["event_id"])[:16]
    return Event(record[TIME], identity, blake2b(raw, digest_size=16).digest(), Detail.WHOLE, raw, record)


def _event_of(raw: bytes, _: int) -> Event:
    record = parse(raw)
    if not isinstance(record, dict) or not {TIME, "event_id"} <= record.keys():
        raise NotJsonError("not the record of a bounce")
    return _event(record)


def _arrays(records: Sequence[Mapping[str, object]]) -> list[pa.Array]:
    return [pa.array([record.get(column.name) for record in records], column.type) for column in COLUMNS]


def _read(raws: pa.StringArray) -> list[pa.Array]:
    parsed = (parse(raw) for raw in raws.cast(pa.binary()).to_pylist())
    return _arrays([record if isinstance(record, dict) else {} for record in parsed])


BOUNCE_ROWS: Final = RowFormat(
    COLUMNS, _read, _event_of, lambda _: None, arrays=_arrays, id_column="event_id", outcome_column="class"
)
