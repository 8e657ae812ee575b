"""How the fields of records compare with those that have columns: names alone, never values. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import pyarrow as pa

from mailevents_dagster.model.columns import Column, Fields, field_name
from mailevents_dagster.sources.uzmanposta.schema import COLUMNS, FIELDS, RECIPIENT_COLUMNS, typed_value

TIME_FIELDS: Final = ("time", "timestamp", "starttime")
DETAIL_FIELDS: Final = ("logs", "transactions", "filters", "emails")
"""What a mail's detail adds to its row of the listing."""
COUNT: Final = "recipient_count"
_LISTS: Final = frozenset({"mailto"})
"""Fields of text that may hold several."""


def compared(category: str, records: Sequence[Mapping[str, object]], beside: Iterable[str] = ()) -> Fields:
    """Return the fields of these records against the columns of their category; those `beside` are known, too."""
    columns = {field_of(column): column for column in COLUMNS[category] if column.name != COUNT}
    there = {name for record in records for name in record}
    new = {field_name(name) for name in there - set(columns) - set(TIME_FIELDS) - set(beside)}
    missing = set(columns) - there
    retyped = {name for name, column in columns.items() if not all(_fits(column, one.get(name)) for one in records)}
    if "recipients" in columns:
        entries = [entry for record in records for entry in recipients_of(record)]
        inner = {column.name: column for column in RECIPIENT_COLUMNS}
        inside = {name for entry in entries for name in entry}
        new |= _named(inside - set(inner))
        missing |= _named(set(inner) - inside)
        retyped |= _named(name for name, one in inner.items() if not all(_fits(one, got.get(name)) for got in entries))
    return Fields(frozenset(new), frozenset(missing), frozenset(retyped))


def field_of(column: Column) -> str:
    """Return the field of the record that a column is made of."""
    return "recipients" if column.name == COUNT else FIELDS.get(column.name, column.name)


def recipients_of(record: Mapping[str, object]) -> list[Mapping[str, object]]:
    entries = record.get("recipients")
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _named(names: Iterable[str]) -> set[str]:
    return {field_name("recipients", name) for name in names}


def _fits(column: Column, value: object) -> bool:
    if value is None:
        return True
    if pa.types.is_list(column.type):
        entries = value if isinstance(value, list) else [value]
        return all(isinstance(entry, dict) for entry in entries)
    if pa.types.is_string(column.type) and isinstance(value, bool | dict | list):
        return isinstance(value, list) and column.name in _LISTS
    return typed_value(column, value) is not None
