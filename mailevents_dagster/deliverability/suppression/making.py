"""The ledger of a day from the newest one before it and what was told since; from scratch where there is none.

Days that were not made in between are gone through one by one, so the ledger of a day is the same whichever days were
made before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.suppression.evidence import (
    AGAINST,
    COLUMNS,
    NAMES,
    counting,
    evidence_in,
    known_of,
    last_of_each,
)
from mailevents_dagster.deliverability.suppression.ledger import Evidence, Ledger, Standing, ledger_after
from mailevents_dagster.deliverability.suppression.manual import Change, manual_events, read_changes
from mailevents_dagster.deliverability.suppression.rows import ledger_of
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.outcomes.feeds import outcomes_of
from mailevents_dagster.sources.outcomes.settings.section import DomainSettings
from mailevents_dagster.sources.outcomes.settings.suppression import SuppressionRules
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.making import events_of as stored_events

MILLISECONDS = 1000


@dataclass(frozen=True, slots=True)
class Past:
    """What ledgers of a domain are made of."""

    store: Store
    outcomes: Feed
    first: Day
    """The first day that outcomes are told of."""
    changes: Sequence[Change]
    """What people have changed."""
    rules: SuppressionRules
    stored: Callable[[Day], pa.Table | None]
    """Return the rows of the ledger of a day, where it was made."""
    note: Callable[[str], object]
    """Is told of hours that cannot be read, and how far long work is."""


@dataclass(frozen=True, slots=True)
class Found:
    """A ledger, and what it was made of."""

    ledger: Ledger
    made_on: Day | None
    """The day whose ledger it began with; None where it was made from scratch."""
    hours_kept: int
    hours: int
    """Of the time since."""


def past_of(
    settings: Settings,
    store: Store,
    domain: DomainSettings,
    stored: Callable[[Day], pa.Table | None],
    note: Callable[[str], object],
) -> Past:
    """Return what ledgers of a domain are made of."""
    feed = outcomes_of(domain.domain)
    start = next((one.start for one in settings.configured if one.feed == feed), domain.start or settings.start)
    changes = read_changes(store.layout, domain.domain)
    return Past(store, feed, Day.containing(start, store.timezone), changes, domain.suppression, stored, note)


def ledger_of_day(past: Past, day: Day) -> Found:
    """Return the ledger as of the end of a day."""
    return _ledger_at(past, day, day.end * MILLISECONDS)


def ledger_now(past: Past, now: int) -> Found:
    """Return the ledger of this moment (Unix, in milliseconds), by the outcomes that are stored."""
    # A change is never noted at the time of the one before it, so a few may lie moments ahead.
    last = max([now, *(one.at for one in past.changes[-1:])])
    return _ledger_at(past, Day.containing(last / MILLISECONDS, past.first.timezone), last + 1)


def _ledger_at(past: Past, last: Day, end: int) -> Found:
    began, rows = _newest(past, last)
    ledger: dict[str, Standing] = {} if rows is None else ledger_of(rows)
    kept, hours = 0, 0
    for day in _days(began.ago(-1) if began else past.first, last):
        until = min(day.end * MILLISECONDS, end)
        wanted = [hour for hour in day.hours if hour.start * MILLISECONDS < until]
        events, there = _events_of_day(past, wanted, ledger)
        manual = manual_events(past.changes, day.start * MILLISECONDS, until, past.first.timezone)
        kept, hours = kept + there, hours + len(wanted)
        ledger = ledger_after(ledger, [*events, *manual], past.rules, until)
        past.note(f"{day}: {there} of {len(wanted)} hours, {len(ledger):,} addresses with evidence against them")
    return Found(ledger, began, kept, hours)


def _events_of_day(past: Past, hours: Sequence[Hour], ledger: Ledger) -> tuple[list[tuple[str, Evidence]], int]:
    """Return what these hours tell, and how many of them are stored. One hour is in memory at a time."""
    against = pc.field("outcome").isin(AGAINST)
    failures = [stored_events(past.store, past.outcomes, hour, NAMES, past.note, against) for hour in hours]
    there = [hour for hour, rows in zip(hours, failures, strict=True) if rows is not None]
    known = known_of(ledger, (rows for rows in failures if rows is not None))
    found: list[pa.Table] = []
    signs: list[pa.Table] = []
    for hour in there:
        whole = stored_events(past.store, past.outcomes, hour, COLUMNS, past.note)
        if whole is not None:
            rows, of_hour = counting(whole, known)
            found.append(rows)
            signs = [last_of_each(pa.concat_tables([*signs, of_hour]))]
    rows = pa.concat_tables([*found, *signs]) if found else None
    return [] if rows is None else list(evidence_in(rows, past.first.timezone)), len(there)


def _newest(past: Past, day: Day) -> tuple[Day | None, pa.Table | None]:
    """Return the newest ledger before a day."""
    before = day
    while before.date > past.first.date:
        before = before.ago(1)
        try:
            rows = past.stored(before)
        except pa.ArrowInvalid as error:
            past.note(f"The list of {before} is left out, since it cannot be read: {error}. Make that day again.")
        else:
            if rows is not None:
                return before, rows
    return None, None


def _days(first: Day, last: Day) -> Iterator[Day]:
    while first.date <= last.date:
        yield first
        first = first.ago(-1)
