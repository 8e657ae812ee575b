"""Columns of snapshots: described once, for the files, for Dagster and for the documentation."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from mailevents_dagster.model.event import Event

_NAME: Final = "[A-Za-z0-9_-]{1,40}"
_FIELD: Final = re.compile(rf"{_NAME}(\.{_NAME})?")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of snapshots and what it means."""

    name: str
    type: pa.DataType
    description: str

    @property
    def field(self) -> pa.Field:
        return pa.field(self.name, self.type, metadata={"description": self.description})


@dataclass(frozen=True, slots=True)
class Marks:
    """What stays of a record while its state and time change. Ids are used again, so the id alone is no proof."""

    id: str
    others: Mapping[str, object]

    def agree_with(self, other: Marks) -> bool:
        """Return whether both are of one record: the same id, and nothing that both say is different."""
        both = self.others.keys() & other.others.keys()
        return self.id == other.id and all(self.others[name] == other.others[name] for name in both)


@dataclass(frozen=True, slots=True)
class Fields:
    """How records differ from what the columns know, by the names of their fields.

    They are written as `field_name` does it.
    """

    new: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    """In none of the records."""
    retyped: frozenset[str] = frozenset()
    """With a value that its column cannot hold, or holds as nested JSON only."""


def field_name(*path: str) -> str:
    """Return one name for a field in a field, such as `recipients.status`; a name's own dots get a backslash."""
    return ".".join(name.replace(".", "\\.") for name in path)


def field_names(names: Iterable[str]) -> str:
    """Return names of fields for people; one that does not look like a name might be data, and is only counted."""
    found = set(names)
    shown = sorted(name for name in found if _FIELD.fullmatch(name))
    others = len(found) - len(shown)
    return ", ".join([*shown, *([f"{others:,} that are not names"] if others else [])])


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How records of one kind become typed columns; a source hands it to the store."""

    columns: tuple[Column, ...]
    read: Callable[[pa.StringArray], Sequence[pa.Array]]
    """Return the columns of raw records, in the order of `columns`."""
    event_of: Callable[[bytes, int], Event]
    """The event of a raw record that nothing else is known of; the number is its time where it has none itself."""
    marks_of: Callable[[bytes], Marks | None]
    """By what a raw record is known while its state and time change; None where it says no id."""
    arrays: Callable[[Sequence[Mapping[str, object]]], Sequence[pa.Array]] | None = None
    """Return the columns of records from their fields, where the source parses them anyway."""
    compare: Callable[[Sequence[bytes]], Fields] = lambda _: Fields()
    """How the fields of raw records differ from those that have columns."""
    fields: Mapping[str, str] = field(default_factory=dict)
    """The field of the record that each column is made of, by the name of the column."""
    id_column: str | None = None
    """The column whose value makes a record the only one with its identity; None where equal records are two events."""
    known_column: str | None = None
    """The column that says whether a rule of the source knew the record; None where records need none."""
    outcome_column: str | None = None
    """Where the outcome of an event stands, as Parquet names it; None where events have none."""
    blob_column: str | None = None
    """The column of the SHA-256 of each event's blob, or of several, in hexadecimal; None where events have none."""
