"""Part: who complains of a domain's mail."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import pyarrow as pa

from mailevents_dagster.deliverability.arrivals import arrived, feeds_of
from mailevents_dagster.deliverability.complaints.asking import UnaskedError
from mailevents_dagster.deliverability.complaints.judging import CHECKS, numbers_of, verdicts_of, words_of
from mailevents_dagster.deliverability.complaints.postmaster import gmail_rates
from mailevents_dagster.deliverability.complaints.rows import (
    COLUMNS,
    GMAIL,
    SCHEMA,
    SNDS,
    UNASKED,
    Row,
    complaint_name,
    rows_of,
)
from mailevents_dagster.deliverability.complaints.snds import snds_rates
from mailevents_dagster.deliverability.other_days import other_days
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.reports.values import COMPLAINT, Feedback

NAME: Final = "complaints"


def _make(work: Work) -> Made:
    repeated: set[str] = set()
    rows = pa.Table.from_pylist([*_named(work, repeated), *_rates(work)], SCHEMA)
    return Made(rows, numbers_of(rows, len(repeated)), verdicts_of(rows), words_of(rows))


def _named(work: Work, repeated: set[str]) -> Iterator[Row]:
    """Yield the complaints that count today; each counts on one day, once."""
    elsewhere = {name for _, rows in other_days(work, NAME) for name in rows["report"].drop_null().to_pylist()}
    counted: set[str] = set()
    for report in arrived(work):
        if not isinstance(report, Feedback) or report.kind != COMPLAINT:
            continue
        name = complaint_name(report)
        if name in elsewhere or name in counted:
            repeated.add(name)
            continue
        counted.add(name)
        yield from rows_of(report, work.domain.domain)


def _rates(work: Work) -> Iterator[Row]:
    """Yield the rates that the services of the settings tell; one that does not answer is a row that says so."""
    reports = work.domain.reports
    if reports is None:
        return
    if reports.google:
        work.note("Gmail's Postmaster Tools are asked")
        yield from _or_unasked(GMAIL, gmail_rates(reports.google, work.domain.domain, work.day.date))
    if reports.microsoft:
        work.note("Microsoft's SNDS is asked")
        yield from _or_unasked(SNDS, snds_rates(reports.microsoft, work.day.date))


def _or_unasked(service: str, rows: Iterable[Row]) -> Iterator[Row]:
    try:
        yield from [*rows]
    except UnaskedError as error:
        yield {"kind": UNASKED, "reporter": service, "text": str(error)}


COMPLAINTS: Final = Part(
    name=NAME,
    summary="Who complains of the domain's mail: by name where a provider tells, and as rates of Gmail and Outlook.",
    columns=COLUMNS,
    make=_make,
    checks=CHECKS,
    made_of=feeds_of,
    is_wanted=lambda domain: domain.reports is not None,
)
