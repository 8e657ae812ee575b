"""The daily answer: who must not be mailed, as of the end of the day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from mailevents_dagster.deliverability.addresses import role_of
from mailevents_dagster.deliverability.outcomes_of_day import made_of_outcomes
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.suppression.entries import Entry, entries_of
from mailevents_dagster.deliverability.suppression.ledger import HARD, REASONS, Ledger
from mailevents_dagster.deliverability.suppression.making import MILLISECONDS, Found, ledger_of_day, past_of
from mailevents_dagster.deliverability.suppression.rows import COLUMNS, rows_of
from mailevents_dagster.deliverability.suppression.telling import tell
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.day import Day
from mailevents_dagster.sources.outcomes.feeds import SUPPRESSION_LIST

TITLE: Final = "Addresses that must not be mailed, by reason"
DAYS_BEFORE: Final = 28
"""Days that a day is compared with."""
DAYS_NEEDED: Final = 7
"""Days of evidence below which nothing is usual yet."""
FACTOR: Final = 4
FLOOR: Final = 20
"""So many hard bounces, or this times the usual number, are no jump: a list with old addresses was mailed."""


def make(work: Work) -> Made:
    """Return the list as of the end of the day."""
    past = past_of(work.settings, work.store, work.domain, lambda day: work.stored(SUPPRESSION_LIST, day), work.note)
    found = ledger_of_day(past, work.day)
    rows = rows_of(found.ledger, past.rules, work.day.end * MILLISECONDS)
    entries = list(entries_of(found.ledger, past.rules, work.day.end * MILLISECONDS))
    numbers = _numbers(entries, found, work.day)
    return Made(rows, numbers, {"hard_bounces": _hard_bounces(found.ledger, work.day)}, _said(found), _chart(entries))


def _numbers(entries: Sequence[Entry], found: Found, day: Day) -> Mapping[str, float | str | bool]:
    reasons = Counter(one.reason for one in entries)
    return {
        "suppressed": len(entries),
        **{f"suppressed_{reason}": reasons[reason] for reason in REASONS},
        "new": sum(one.evidence.day == day.key for one in entries),
        "roles": sum(role_of(one.key) is not None for one in entries),
        "watched": len(found.ledger) - len(entries),
        "made_on": str(found.made_on or "nothing"),
        "hours_kept": found.hours_kept,
        "hours": found.hours,
        "complete": found.hours_kept == found.hours,
    }


def _hard_bounces(ledger: Ledger, day: Day) -> Verdict:
    """Return whether the day had as many new hard bounces as days have."""
    of_day = Counter(one.day for standing in ledger.values() for one in standing if one.what == HARD)
    before = [day.ago(days).key for days in range(1, DAYS_BEFORE + 1)]
    first = min(of_day, default=day.key)
    known = [of_day[one] for one in before if one >= first]
    usual, now = median(known) if known else 0, of_day[day.key]
    numbers = {"hard_bounces": now, "usual": usual, "days_compared": len(known)}
    if len(known) < DAYS_NEEDED:
        return Verdict(passed=True, said="too few days to compare with", numbers=numbers)
    if now <= max(FLOOR, FACTOR * usual):
        return Verdict(passed=True, said="as usual", numbers=numbers)
    return Verdict(
        passed=False,
        said=f"{now:,} addresses bounced hard; {usual:,.0f} do on a usual day. Old or bought addresses were mailed, "
        "or a receiver refuses what it took before: `mailevents suppression list --reason hard` names them, and "
        "`mailevents hygiene` cleans the list that was mailed.",
        numbers=numbers,
    )


def _said(found: Found) -> str:
    """Return what the list rests on, where that is not the day before."""
    lines = []
    if found.made_on is None:
        lines.append(f"Made from scratch, of {found.hours_kept:,} of {found.hours:,} hours.")
    if found.hours_kept < found.hours:
        lines.append(f"{found.hours - found.hours_kept:,} hours are not stored; what they told is not in the list.")
    return "\n\n".join(lines)


def _chart(entries: Sequence[Entry]) -> bytes:
    from mailevents_dagster.deliverability.pictures import picture_of_bars  # takes half a second to load

    reasons = Counter(one.reason for one in entries)
    return picture_of_bars(TITLE, {reason: reasons[reason] for reason in REASONS})


SUPPRESSION: Final = Part(
    name=SUPPRESSION_LIST,
    summary="The addresses that must not be mailed as of the end of the day, each with its evidence.",
    columns=COLUMNS,
    make=make,
    checks={"hard_bounces": "Did about as many addresses bounce hard for the first time as on other days?"},
    made_of=made_of_outcomes,
    hand_over=tell,
)
