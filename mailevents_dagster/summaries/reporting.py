"""The report of a day from the stored hours that there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.making import counts_of_day
from mailevents_dagster.summaries.report_tables import OfDomain, Report

SAY_EVERY: Final = 5.0


def report_of(
    store: Store,
    feeds_by_owner: Mapping[str, Sequence[Feed]],
    day: Day,
    note: Callable[[str], object],
    progress: Callable[[str], object],
) -> Report:
    """Return what is stored of a day; `note` is told of hours that cannot be read, `progress` how far it is."""
    interval = Every(SAY_EVERY)
    counted: dict[str, OfDomain] = {}
    for place, (owner, own) in enumerate(feeds_by_owner.items()):
        if interval.has_passed():
            progress(f"{place:,} of {len(feeds_by_owner):,} domains and servers")
        kinds = [kind for kind in KINDS.values() if kind.feeds(own)]
        counted[owner] = {kind: counts_of_day(store, kind, own, day, note) for kind in kinds}
    return Report(day, counted)
