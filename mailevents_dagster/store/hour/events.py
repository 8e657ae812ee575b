"""The events of an open hour by their places: first those known before, then those found, as they come."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from mailevents_dagster.model.columns import Marks, RowFormat
from mailevents_dagster.model.event import Event, Places
from mailevents_dagster.store.hour.found_events import FoundEvents, Records
from mailevents_dagster.store.hour.index import Index, joined
from mailevents_dagster.store.hour.snapshot_columns import lines_of, snapshot_batch

EVENTS_AT_ONCE: Final = 4096
"""Brought into order and copied at a time: a quarter as many cost short records a sixth of the commit."""
LONG: Final = 256
"""So many events side by side are taken by themselves, which needs no copy."""


class HourEvents:
    """Known and found events of one hour, numbered through."""

    def __init__(self, known: Records, found: FoundEvents, rows: RowFormat) -> None:
        self.known_index = known.index
        self.known_records = known
        self._known_count = len(self.known_index)
        self._found = found
        self.rows = rows

    def add(self, events: Sequence[Event], awaited: Sequence[bool] = ()) -> range:
        """Take found events and return their places. For those awaited another will be put."""
        places = self._found.add(events, awaited)
        return range(self._known_count + places.start, self._known_count + places.stop)

    def add_records(self, index: Index, raws: pa.StringArray) -> Places:
        """Take found events that are whole, and return their places."""
        return self._found.add_records(index, raws) + self._known_count

    def put(self, place: int, event: Event) -> None:
        """Take the event that is awaited at this place."""
        self._found.put(place - self._known_count, event)

    def take_over(self, others: HourEvents, places: Places) -> Places:
        """Take these events of an hour that was opened before as found, and return their places."""
        index, none = others.index(places), np.empty(0, np.int64)
        taken = (
            self.add_records(index[part], others._records(places[part]).column("raw")) for part in portions(places)
        )
        return np.concatenate([none, *taken])

    def index(self, places: Places) -> Index:
        known, found = self.known_index, self._found.index
        if not len(found):
            return known[places]
        return joined([known, found])[places] if len(known) else found[places]

    def batches(self, index: Index, places: Places) -> Iterator[pa.RecordBatch]:
        """Yield the events as a snapshot holds them: of this index, with the records at these places."""
        for part in portions(places):
            yield snapshot_batch(index[part], self._records(places[part]), self.rows)

    def lines(self, places: Places) -> Iterator[pa.Buffer]:
        """Yield the records at these places as the log has them."""
        for part in portions(places):
            yield lines_of(self._records(places[part]))

    def known(self, places: Places) -> list[Event]:
        """Return known events whole."""
        raws = (raw.encode() for raw in self.known_records.take(places).column("raw").to_pylist())
        return list(self.known_index[places].events(raws))

    def marks(self, places: Places) -> list[Marks | None]:
        raws = (raw for part in portions(places) for raw in self._records(places[part]).column("raw").to_pylist())
        return [self.rows.marks_of(raw.encode()) for raw in raws]

    def _records(self, places: Places) -> pa.RecordBatch:
        known = places < self._known_count
        if known.all():
            return self.known_records.take(places)
        if not known.any():
            return self._found.take(places - self._known_count)
        both = pa.concat_batches(
            [self.known_records.take(places[known]), self._found.take(places[~known] - self._known_count)]
        )
        return both.take(np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)])))


def portions(places: Places) -> Iterator[slice]:
    """Yield all of these, a few at a time, cut where many stand side by side."""
    borders = np.concatenate([[0], np.flatnonzero(np.diff(places) != 1) + 1, [len(places)]])
    long = np.flatnonzero(np.diff(borders) >= LONG)
    for first, end in pairwise(np.unique([0, *borders[long], *borders[long + 1], len(places)])):
        yield from (slice(at, min(at + EVENTS_AT_ONCE, end)) for at in range(first, end, EVENTS_AT_ONCE))
