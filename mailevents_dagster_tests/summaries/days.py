"""What tests of summaries share: days of records, committed as a collection would have done it, and counted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.counts import by
from mailevents_dagster.summaries.kinds import KINDS
from mailevents_dagster.summaries.making import counts_of_day

DAY = Day.from_key("2026-11-20", "UTC")
OF_DOMAINS = [name for name, kind in KINDS.items() if kind.owner == "domain"]
NOON = Hour.from_key("2026-11-20-12:00", "UTC")


def keep(store: Store, feed: Feed, hour: Hour, records: Iterable[Mapping[str, Any]]) -> None:
    """Commits the hour with these records, the oldest first."""
    row_format = ROW_FORMATS[feed.kind.category]
    events = [row_format.event_of(one_line(record), hour.start) for record in records]
    events.sort(key=lambda event: event.time)
    with store.open_hour(feed, hour) as work:
        work.commit(Collection(events, frozenset(), (), hour.end + 7200.0, closed=True, measures={}))


def count(store: Store, name: str, *feeds: Feed, day: Day = DAY) -> pa.Table:
    """The counts of a summary; everything that is stored can be read."""
    notes: list[str] = []
    counts = counts_of_day(store, KINDS[name], feeds, day, notes.append)
    assert not notes
    return counts


def counted(table: pa.Table, measure: str) -> dict[str, int]:
    return by(table, measure)
