"""What other days have counted: reports, sources, and how many mails passed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.other_days import other_days
from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.deliverability.reports.values import AGGREGATE

USUAL_DAYS: Final = 14
"""Days before whose share of passing mails is the usual one."""


@dataclass(slots=True)
class History:
    """What is stored of other days."""

    reports: set[str] = field(default_factory=set)
    """Reports that another day counts, earlier or later."""
    networks: set[str] = field(default_factory=set)
    """Sources of earlier days."""
    days_made: set[int] = field(default_factory=set)
    """Which earlier days were made, as how many days before this one."""
    days_with_reports: set[int] = field(default_factory=set)
    """Which of these have DMARC reports."""
    messages: int = 0
    """Mails of the usual days,"""
    passed: int = 0
    """and those of them that passed."""


def history_of(work: Work, part: str) -> History:
    """Return what the other days have counted, as it is stored."""
    history = History()
    for ago, rows in other_days(work, part):
        history.reports.update(rows["report"].unique().to_pylist())
        if ago > 0:
            _add(history, ago, rows)
    return history


def _add(history: History, ago: int, rows: pa.Table) -> None:
    history.days_made.add(ago)
    aggregate = rows.filter(pc.equal(rows["kind"], AGGREGATE))
    if aggregate.num_rows:
        history.days_with_reports.add(ago)
    history.networks.update(aggregate["network"].drop_null().unique().to_pylist())
    if ago <= USUAL_DAYS:
        messages, passed = passed_of(aggregate)
        history.messages += messages
        history.passed += passed


def passed_of(rows: pa.Table) -> tuple[int, int]:
    """Return how many mails the rows count, and how many of them passed."""
    passed = rows.filter(pc.fill_null(rows["dmarc_passed"], fill_value=False))
    return pc.sum(rows["messages"]).as_py() or 0, pc.sum(passed["messages"]).as_py() or 0
