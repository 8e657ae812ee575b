"""The rows of a day: what was heard, what it is worth, and what changed; and what was heard, read back from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.deliverability.answers import Answer, Question, State
from mailevents_dagster.deliverability.posture.findings import Finding
from mailevents_dagster.model.columns import Column

RECORD: Final = "record"
FINDING: Final = "finding"
CHANGE: Final = "change"

_TEXT: Final = pa.string()

COLUMNS: Final[tuple[Column, ...]] = (
    Column("row", _TEXT, "finding: a judgement; record: what was asked and heard; change: what is other than before."),
    Column("code", _TEXT, "Of a finding: names the judgement for ever, such as spf.lookups or google.dkim."),
    Column("name", _TEXT, "What was looked at: a domain, a host, an address."),
    Column("kind", _TEXT, "Of a record or change: the DNS type, POLICY (of MTA-STS) or STARTTLS."),
    Column("verdict", _TEXT, "Of a finding: good, note, weak, bad or unknown."),
    Column("state", _TEXT, "there, not there or could not be asked, on this day."),
    Column("text", _TEXT, "What it means, in words."),
    Column("mend", _TEXT, "What to do about it."),
    Column("records", pa.list_(_TEXT), "The records, or the details of a finding."),
    Column("reason", _TEXT, "Why it could not be asked, or how it is known that it is not there."),
    Column("known_state", _TEXT, "Of a record: the state that is judged, where it could not be asked on this day."),
    Column("kept_from", _TEXT, "The day that it was heard, where it could not be asked on this day."),
)


def table_of(
    findings: Iterable[Finding], heard: Mapping[Question, Answer], changed: Iterable[tuple[Question, str]]
) -> pa.Table:
    rows = [
        *map(_of_finding, findings),
        *(_of_record(question, answer) for question, answer in sorted(heard.items())),
        *(_row(row=CHANGE, name=question.name, kind=question.kind, text=text) for question, text in changed),
    ]
    return pa.Table.from_pylist(rows, pa.schema([column.field for column in COLUMNS]))


def heard_in(rows: pa.Table) -> dict[Question, Answer]:
    """Return what was heard on the day of these rows, or known from before."""
    found = {}
    for row in rows.to_pylist():
        if row["row"] == RECORD:
            found[Question(row["name"], row["kind"])] = Answer(
                State(row["known_state"]),
                tuple(row["records"]),
                row["reason"],
                kept_from=row["kept_from"],
            )
    return found


def _of_finding(one: Finding) -> dict[str, Any]:
    return _row(
        row=FINDING,
        code=one.code,
        name=one.name,
        verdict=one.verdict,
        state=one.state,
        text=one.text,
        mend=one.mend,
        records=one.details,
        kept_from=one.kept_from,
    )


def _of_record(question: Question, answer: Answer) -> dict[str, Any]:
    return _row(
        row=RECORD,
        name=question.name,
        kind=question.kind,
        state=State.UNASKED if answer.kept_from else answer.state,
        records=answer.records,
        reason=answer.reason,
        known_state=answer.state,
        kept_from=answer.kept_from,
    )


def _row(records: Sequence[str] = (), **values: str) -> dict[str, Any]:
    texts = dict.fromkeys((column.name for column in COLUMNS), "")
    return {**texts, **{name: str(value) for name, value in values.items()}, "records": [*records]}
