"""Counts of a day from the stored hours that there are. Reads one hour at a time, and only the columns it counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.hour.snapshot_file import reading
from mailevents_dagster.store.store import NotCollectedError, Store
from mailevents_dagster.summaries.counts import HOURS, HOURS_KEPT, counts, of_feed, total
from mailevents_dagster.summaries.kinds import SummaryKind


def counts_of_day(
    store: Store, kind: SummaryKind, feeds: Sequence[Feed], day: Day, note: Callable[[str], object]
) -> pa.Table:
    """Return the counts of these feeds; hours that were never collected or were destroyed count as missing.

    `note` is told of stored hours that cannot be read.
    """
    return total(
        of_feed(table, feed.name) for feed in kind.feeds(feeds) for table in _of_feed(store, kind, feed, day, note)
    )


def _of_feed(
    store: Store, kind: SummaryKind, feed: Feed, day: Day, note: Callable[[str], object]
) -> Iterator[pa.Table]:
    parts = []
    for hour in day.hours:
        yield counts(HOURS, [(None, 1)], hour.key)
        events = events_of(store, feed, hour, kind.columns, note)
        if events is not None:
            yield counts(HOURS_KEPT, [(None, 1)], hour.key)
            parts.append(kind.of_hour(events, hour.key))
    yield kind.of_day(parts)


def events_of(
    store: Store,
    feed: Feed,
    hour: Hour,
    columns: Sequence[str],
    note: Callable[[str], object],
    wanted: pc.Expression | None = None,
) -> pa.Table | None:
    """Return what is stored of an hour, all or what is wanted; None where it is not there or cannot be read."""
    try:
        with reading(store.layout.snapshot(feed, hour)):
            return store.dataset(feed, [hour]).to_table(columns=list(columns), filter=wanted)
    except (NotCollectedError, DestroyedError):
        return None
    except (DamagedError, FileNotFoundError) as error:
        note(f"{feed} {hour} is left out, since it cannot be read: {error}. Collect it again.")
        return None
