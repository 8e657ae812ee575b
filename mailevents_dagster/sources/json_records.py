"""Records that are made here and kept as JSON: their columns are their fields, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import pyarrow as pa

from mailevents_dagster.files.json_text import NotJsonError, one_line, parse
from mailevents_dagster.model.columns import Column
from mailevents_dagster.model.event import Detail, Event

Record = Mapping[str, Any]


def arrays_of(columns: Sequence[Column], records: Sequence[Record]) -> list[pa.Array]:
    """Return the columns of records, whose times are in Unix seconds."""
    return [pa.array([_value(record, column) for record in records], column.type) for column in columns]


def _value(record: Record, column: Column) -> object:
    value = record.get(column.name)
    if value is None or not pa.types.is_timestamp(column.type):
        return value
    return datetime.fromtimestamp(value, UTC)


def read(columns: Sequence[Column], raws: pa.StringArray) -> list[pa.Array]:
    """Return the columns of raw records; those of what is no record are empty."""
    parsed = (parse(raw) for raw in raws.cast(pa.binary()).to_pylist())
    return arrays_of(columns, [record if isinstance(record, dict) else {} for record in parsed])


def record_of(raw: bytes, needed: frozenset[str]) -> Record:
    """Return the record of a text; NotJsonError where it lacks a field that is needed."""
    record = parse(raw)
    if not isinstance(record, dict) or not record.keys() >= needed:
        raise NotJsonError("not a record of this kind")
    return record


def event_with_id(record: Record) -> Event:
    """Return the event of a record with an `event_id`, by which it is known again. It has changed where it differs."""
    raw = one_line(record)
    identity = bytes.fromhex(record["event_id"])[:16]
    return Event(record["time"], identity, blake2b(raw, digest_size=16).digest(), Detail.WHOLE, raw, record)


def event_reader(needed: frozenset[str], event: Callable[[Record], Event]) -> Callable[[bytes, int], Event]:
    """Return what makes the event of a raw record again."""
    return lambda raw, _: event(record_of(raw, needed))
