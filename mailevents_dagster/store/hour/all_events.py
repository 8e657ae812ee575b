"""The events of an open hour by their sources: those that were known of it and those that are gathered for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pyarrow as pa

from mailevents_dagster.model.columns import Marks, RowFormat
from mailevents_dagster.model.event import Places
from mailevents_dagster.store.hour.found_events import Gathered, Records
from mailevents_dagster.store.hour.index import Index, joined
from mailevents_dagster.store.hour.later_states import later_states
from mailevents_dagster.store.hour.parquet import lines_of, snapshot_batch

EVENTS_AT_ONCE: Final = 1024
"""Brought into order and copied: more would take longer, since memory that was not in use costs more than the copy."""
LONG: Final = 256
"""So many events side by side are taken by themselves, which needs no copy."""


@dataclass(frozen=True, slots=True)
class KeptEvents:
    """A source is the place of a known event, or -1 less the place of a gathered one."""

    known: Records
    gathered: Gathered
    rows: RowFormat

    def index(self, sources: Places) -> Index:
        """The index of these events."""
        known, gathered = self.known.index, self.gathered.index
        if not len(gathered):
            return known[sources]
        if not len(known):
            return gathered[-1 - sources]
        return joined([known, gathered])[np.where(sources >= 0, sources, len(known) - 1 - sources)]

    def batches(self, index: Index, sources: Places) -> Iterator[pa.RecordBatch]:
        """The events as a snapshot holds them: of this index, with the records of these sources."""
        for part in portions(sources):
            yield snapshot_batch(index[part], self._records(sources[part]), self.rows)

    def lines(self, sources: Places) -> Iterator[pa.Buffer]:
        """The records of these sources as the log has them."""
        for part in portions(sources):
            yield lines_of(self._records(sources[part]))

    def later_states(self, places: Places, sources: Places) -> Places:
        """For each of these sources the known event that it is a later state of, by its number among the places."""
        return np.array(later_states(self._marks(places), self._marks(sources)), np.int64)

    def _marks(self, sources: Places) -> list[Marks | None]:
        raws = (raw for part in portions(sources) for raw in self._records(sources[part]).column("raw").to_pylist())
        return [self.rows.marks_of(raw.encode()) for raw in raws]

    def _records(self, sources: Places) -> pa.RecordBatch:
        known = sources >= 0
        if known.all():
            return self.known.take(sources)
        if not known.any():
            return self.gathered.take(-1 - sources)
        both = pa.concat_batches([self.known.take(sources[known]), self.gathered.take(-1 - sources[~known])])
        return both.take(np.argsort(np.concatenate([np.flatnonzero(known), np.flatnonzero(~known)])))


def portions(sources: Places) -> Iterator[slice]:
    """All of these, a few at a time, cut where many stand side by side."""
    beside = np.diff(sources) == np.where(sources[:-1] >= 0, 1, -1)
    borders = np.concatenate([[0], np.flatnonzero(~beside) + 1, [len(sources)]])
    long = np.flatnonzero(np.diff(borders) >= LONG)
    for first, end in pairwise(np.unique([0, *borders[long], *borders[long + 1], len(sources)])):
        yield from (slice(at, min(at + EVENTS_AT_ONCE, end)) for at in range(first, end, EVENTS_AT_ONCE))
