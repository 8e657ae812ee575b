"""What the store needs to know of the API's records: handed to it by category."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Final

import pyarrow as pa

from mailevents_dagster.columns import RowFormat
from mailevents_dagster.events import Detail, Event
from mailevents_dagster.feeds import Category
from mailevents_dagster.jsontext import NotJsonError, parse
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.schema import COLUMNS, FIELDS, typed_arrays

UNKNOWN_ROW: Final = bytes(16)
"""The digest of a listing row that is not known any more: no row has it, so the detail is fetched again."""

_FIELDS_OF: Final = {
    category: {FIELDS.get(column.name, column.name) for column in columns} for category, columns in COLUMNS.items()
}


def _raw_to_arrays(category: Category, raws: Sequence[bytes]) -> list[pa.Array]:
    return typed_arrays(category, [_typed_fields(category, parse(raw)) for raw in raws])


def _typed_fields(category: Category, record: object) -> Mapping[str, object]:
    """The fields that have columns: a detail holds ten times as much, and a batch of whole ones is slow to allocate."""
    fields = _FIELDS_OF[category]
    return {name: record[name] for name in record.keys() & fields} if isinstance(record, dict) else {}


def _event_of(category: Category, raw: bytes, time: int) -> Event:
    record = parse(raw)
    if not isinstance(record, dict):
        raise NotJsonError("no JSON object")
    row = row_of(category, record)
    return Event(time if row.time is None else row.time, row.identity, UNKNOWN_ROW, Detail.WHOLE, raw)


ROW_FORMATS: Final[Mapping[Category, RowFormat]] = MappingProxyType(
    {
        category: RowFormat(columns, partial(_raw_to_arrays, category), partial(_event_of, category))
        for category, columns in COLUMNS.items()
    }
)
