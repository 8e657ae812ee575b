"""What rows of a listing tell about the API by themselves, and how answers are told. Pure values; no calls.

Answers hold counts, times and names of fields: never a key, an address, a subject or a domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailevents_dagster.files.json_text import parse
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.field_names import TIME_FIELDS, compared, field_names, recipients_of
from mailevents_dagster.sources.uzmanposta.rows import Row
from mailevents_dagster.sources.uzmanposta.schema import record_time


class Agrees(StrEnum):
    """How what was found compares with what is assumed."""

    YES = "yes"
    NO = "no"
    HARMLESS = "no, and nothing depends on it"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Told:
    """What the API told about one question."""

    question: str
    assumed: str
    found: str
    agrees: Agrees


@dataclass(frozen=True, slots=True)
class Page:
    """An answer to a listing; the status where it was refused."""

    rows: Sequence[Row] = ()
    refused: int | None = None

    @property
    def times(self) -> list[int]:
        return [row.time for row in self.rows if row.time is not None]

    @property
    def contents(self) -> set[bytes]:
        return {row.content for row in self.rows}

    def __str__(self) -> str:
        return f"refused with {self.refused}" if self.refused else f"{len(self.rows):,} rows"


def answer(question: str, assumed: str, found: str, otherwise: Agrees = Agrees.NO) -> Told:
    return Told(question, assumed, found, Agrees.YES if found == assumed else otherwise)


def cannot_tell(question: str, assumed: str, why: str) -> Told:
    return Told(question, assumed, f"cannot tell: {why}", Agrees.UNKNOWN)


def freshness(recent: Page, asked_at: int) -> Told:
    question, assumed = "Age of the newest row", "some seconds to minutes"
    if not recent.times:
        return cannot_tell(question, assumed, "no rows in the last hour")
    age = asked_at - max(recent.times)
    return Told(question, assumed, f"{age:,} s, in a listing up to now", Agrees.YES)


def lateness(first: Page, second: Page, now: int, settle_seconds: float) -> Told:
    """Rows of the second look that the first had not: some of the time until now they may have been there already."""
    question = "Rows that appeared between two looks"
    assumed = f"at most {settle_seconds:,.0f} s after their own time (collect.settle_minutes)"
    late = [now - row.time for row in second.rows if row.content not in first.contents and row.time is not None]
    found = f"{len(late):,}, up to {max(late):,} s after their own time" if late else "none"
    return Told(question, assumed, found, Agrees.NO if max(late, default=0) > settle_seconds else Agrees.YES)


def time_types(sample: Page) -> Told:
    question, assumed = "Times in records", "whole numbers of Unix seconds"
    values = [value for row in sample.rows for value in _time_values(record_of(row.raw))]
    if not values:
        return cannot_tell(question, assumed, "no row with a time")
    types = sorted(
        {{"int": "numbers", "str": "text", "float": "fractions"}.get(type(one).__name__, "other") for one in values}
    )
    unread = sum(row.time is None for row in sample.rows)
    found = ", ".join(types) + (f"; {unread:,} of {len(sample.rows):,} rows have no time to read" if unread else "")
    if not sample.times:
        return Told(question, assumed, found, Agrees.NO)
    return Told(question, assumed, found, Agrees.YES if types == ["numbers"] else Agrees.HARMLESS)


def fields_of(sample: Page, feed: Feed) -> Told:
    question, assumed = "Fields of a row", "those of the columns"
    if not sample.rows:
        return cannot_tell(question, assumed, "no rows")
    records = [record_of(row.raw) for row in sample.rows]
    fields = compared(feed.kind.category, records)
    parts = [
        f"{word}: {field_names(names)}" for word, names in (("new", fields.new), ("missing", fields.missing)) if names
    ]
    return Told(question, assumed, "; ".join(parts) or assumed, Agrees.HARMLESS if parts else Agrees.YES)


def best_row(rows: Sequence[Row], fits: Callable[[Row], bool]) -> Row | None:
    """A row that fits, from the middle outwards: those at the ends may have just come, or be about to go."""
    middle = len(rows) // 2
    ordered = sorted(range(len(rows)), key=lambda place: abs(place - middle))
    return next((rows[place] for place in ordered if rows[place].time is not None and fits(rows[place])), None)


def times_said(row: Row) -> list[int]:
    """All times that a row says of itself, its own first."""
    said = [record_time("authentication", {"time": value}) for value in _time_values(record_of(row.raw))]
    return [at for at in (row.time, *said) if at is not None]


def _time_values(record: Mapping[str, object]) -> list[object]:
    entries = recipients_of(record)[:1]
    values = [record.get(name) for name in TIME_FIELDS] + [entry.get("time") for entry in entries]
    return [value for value in values if value is not None]


def record_of(raw: bytes) -> Mapping[str, object]:
    record = parse(raw)
    return record if isinstance(record, dict) else {}
