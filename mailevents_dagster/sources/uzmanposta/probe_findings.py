"""What rows of a listing tell about the API by themselves, and how findings are told. Pure values; no calls.

Findings hold counts, times and names of fields: never a key, an address, a subject or a domain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mailevents_dagster.files.json_text import parse
from mailevents_dagster.model.columns import field_names
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.field_names import TIME_FIELDS, compared, recipients_of
from mailevents_dagster.sources.uzmanposta.rows import Row
from mailevents_dagster.sources.uzmanposta.schema import record_time


class Agrees(StrEnum):
    """How what was found compares with what is assumed."""

    YES = "yes"
    NO = "no"
    HARMLESS = "no, and nothing depends on it"
    UNKNOWN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Finding:
    """What the API told about one question."""

    question: str
    assumed: str
    found: str
    agrees: Agrees


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about the API, and which answer is assumed."""

    text: str
    assumed: str

    def found(self, found: str, agrees: Agrees = Agrees.YES) -> Finding:
        return Finding(self.text, self.assumed, found, agrees)

    def compare(self, found: str) -> Finding:
        """Return a finding that agrees where it is what is assumed, and is harmless otherwise."""
        return self.found(found, Agrees.YES if found == self.assumed else Agrees.HARMLESS)

    def cannot_tell(self, why: str) -> Finding:
        return self.found(f"cannot tell: {why}", Agrees.UNKNOWN)


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


def order_of(sample: Page) -> Finding:
    question, times = Question("Order of the rows", "newest first"), sample.times
    if len(set(times)) < 2:
        return question.cannot_tell("no two rows of different times")
    if times == sorted(times, reverse=True):
        return question.found("newest first")
    return question.compare("oldest first" if times == sorted(times) else "neither newest nor oldest first")


def freshness(recent: Page, asked_at: int) -> Finding:
    question = Question("Age of the newest row", "some seconds to minutes")
    if not recent.times:
        return question.cannot_tell("no rows in the last hour")
    return question.found(f"{asked_at - max(recent.times):,} s, in a listing up to now")


def lateness(first: Page, second: Page, now: int, settle_seconds: float) -> Finding:
    """Judge the rows of the second look that the first lacked; some may have been there for part of the wait."""
    assumed = f"at most {settle_seconds:,.0f} s after their own time (collect.settle_minutes)"
    question = Question("Rows that appeared between two looks", assumed)
    late = [now - row.time for row in second.rows if row.content not in first.contents and row.time is not None]
    if not late:
        return question.found("none")
    found = f"{len(late):,}, up to {max(late):,} s after their own time"
    return question.found(found, Agrees.NO if max(late) > settle_seconds else Agrees.YES)


def time_types(sample: Page) -> Finding:
    question = Question("Times in records", "whole numbers of Unix seconds")
    values = [value for row in sample.rows for value in _time_values(record_of(row.raw))]
    if not values:
        return question.cannot_tell("no row with a time")
    names = {"int": "numbers", "str": "text", "float": "fractions"}
    found = ", ".join(sorted({names.get(type(one).__name__, "other") for one in values}))
    unread = len(sample.rows) - len(sample.times)
    harmless = Agrees.YES if found == "numbers" else Agrees.HARMLESS
    if unread:
        found += f"; the time of {unread:,} of {len(sample.rows):,} rows cannot be read"
    return question.found(found, harmless if sample.times else Agrees.NO)


def fields_of(sample: Page, feed: Feed) -> Finding:
    question = Question("Fields of a row", "those of the columns")
    if not sample.rows:
        return question.cannot_tell("no rows")
    fields = compared(feed.kind.category, [record_of(row.raw) for row in sample.rows])
    differing = {"new": fields.new, "missing": fields.missing}
    return question.compare(
        "; ".join(f"{word}: {field_names(names)}" for word, names in differing.items() if names) or question.assumed
    )


def best_row(rows: Sequence[Row], fits: Callable[[Row], bool]) -> Row | None:
    """Return a row that fits, from the middle outwards: those at the ends may have just come, or be about to go."""
    ordered = sorted(enumerate(rows), key=lambda one: abs(one[0] - len(rows) // 2))
    return next((row for _, row in ordered if row.time is not None and fits(row)), None)


def times_in(row: Row) -> list[int]:
    """Return all times that a row gives for itself, its own first."""
    given = [record_time("authentication", {"time": value}) for value in _time_values(record_of(row.raw))]
    return [at for at in (row.time, *given) if at is not None]


def _time_values(record: Mapping[str, object]) -> list[object]:
    values = [record.get(name) for name in TIME_FIELDS] + [entry.get("time") for entry in recipients_of(record)[:1]]
    return [value for value in values if value is not None]


def record_of(raw: bytes) -> Mapping[str, object]:
    record = parse(raw)
    return record if isinstance(record, dict) else {}
