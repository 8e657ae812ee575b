"""Columns of snapshots: described once, for the files, for Dagster and for the documentation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from mailevents_dagster.model.event import Event


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
        """Whether both are of one record: the same id, and nothing that both say is different."""
        both = self.others.keys() & other.others.keys()
        return self.id == other.id and all(self.others[name] == other.others[name] for name in both)


@dataclass(frozen=True, slots=True)
class RowFormat:
    """How records of one kind become typed columns; a source hands it to the store."""

    columns: tuple[Column, ...]
    fields_of: Callable[[bytes], Mapping[str, object]]
    """The fields of a raw record that have columns."""
    arrays: Callable[[Sequence[Mapping[str, object]]], Sequence[pa.Array]]
    """The columns of records of which these are the fields, in the order of `columns`."""
    event_of: Callable[[bytes, int], Event]
    """The event of a raw record that nothing else is known of; the number is its time where it has none itself."""
    marks_of: Callable[[bytes], Marks | None]
    """By what a raw record is known while its state and time change; None where it says no id."""
