"""Events found for an hour in whatever order they come: some of them in memory, the others on disk beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from mmap import ACCESS_READ, ALLOCATIONGRANULARITY, mmap
from os import SEEK_END
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mailevents_dagster.files.atomic import make_folder, naming
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Event, Places
from mailevents_dagster.store.hour.index import Index, arranged, index_of
from mailevents_dagster.store.hour.snapshot_columns import records_of, records_of_raws, records_schema
from mailevents_dagster.store.hour.waiting_events import WaitingEvents

BYTES_AT_ONCE: Final = 2 * 2**20
"""Of records that are handled together, where these are long."""
LONG: Final = 4096
"""Bytes of records that leave large holes in memory when they are put on disk, which are given back to the system."""


class Records(Protocol):
    """Events by their places: the index of all of them, and the records of some."""

    @property
    def index(self) -> Index: ...
    def take(self, places: Places) -> pa.RecordBatch:
        """Return the records at these places, in this order: their typed columns and their text."""

    def sizes(self, places: Places) -> NDArray[np.int64]:
        """Return about how many bytes the records at these places take."""

    def close(self) -> None: ...


class FoundEvents:
    """Events of one hour, each known by the place it was given. Threads may add at once.

    Events that are added together lie side by side, in this order: taken so, they are not copied.
    """

    def __init__(self, rows: RowFormat, folder: Path, memory: int) -> None:
        """Beyond so many bytes of memory, parts go into a file in the folder that has no name and leaves no trace."""
        self._rows = rows
        self._folder = folder
        self._memory = memory
        self._adding = threading.Lock()
        self._waiting = WaitingEvents(memory)
        self._parts: list[_Part] = []
        self._part_of: NDArray[np.int32] = np.empty(0, np.int32)
        self._row_of: NDArray[np.int32] = np.empty(0, np.int32)
        self._size_of: NDArray[np.int32] = np.empty(0, np.int32)
        """By places; of all events, or of none."""
        self._spool: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._waiting.count

    def add(self, events: Sequence[Event], awaited: Sequence[bool] = ()) -> range:
        """Take events and return their places. For those awaited another will be put."""
        with self._adding:
            places = self._waiting.add(events, awaited)
            ready = self._waiting.ready()
        self._put_away(ready)
        return places

    def add_records(self, index: Index, raws: pa.StringArray) -> Places:
        """Take events that are whole and return their places: none of them becomes an object of its own."""
        records = records_of_raws(raws, self._rows)
        with self._adding:
            first = self._waiting.reserve(len(index))
            places = np.arange(first, first + len(index), dtype=np.int64)
            self._hold(_Part(places, index, records))
        return places

    def put(self, place: int, event: Event) -> None:
        """Take the event that is awaited at this place."""
        with self._adding:
            self._waiting.put(place, event)
            ready = self._waiting.ready()
        self._put_away(ready)

    @property
    def index(self) -> Index:
        """The index of all events; no thread may be left that adds any."""
        self._finish()
        return arranged([(part.places, part.index) for part in self._parts])

    def take(self, places: Places) -> pa.RecordBatch:
        """Return the records at these places; as with the index, no thread may be left that adds events."""
        self._finish()
        return take_from(self._part_of[places], self._row_of[places], lambda at: self._parts[at].records(self._rows))

    def sizes(self, places: Places) -> NDArray[np.int64]:
        self._finish()
        return self._size_of[places].astype(np.int64)

    def close(self) -> None:
        if self._spool:
            self._spool.close()

    def _put_away(self, ready: Iterable[Mapping[int, Event]]) -> None:
        """Make parts of these. Outside the lock: the other threads go on."""
        for events in ready:
            places, found = np.fromiter(events, np.int64), [*events.values()]
            for some in stretches([len(event.raw) for event in found]):
                part = _Part(places[some], index_of(found[some]), records_of(found[some], self._rows))
                with self._adding:
                    self._hold(part)

    def _hold(self, part: _Part) -> None:
        self._parts.append(part)
        held = [one for one in self._parts if one.bytes_held]
        size = sum(one.bytes_held for one in held)
        if size > self._memory:
            self._spill(held)
            if size > LONG * sum(len(one.places) for one in held):
                pa.default_memory_pool().release_unused()

    def _spill(self, parts: Iterable[_Part]) -> None:
        with naming(self._folder):
            if self._spool is None:
                make_folder(self._folder)
                self._spool = TemporaryFile(dir=self._folder)  # noqa: SIM115 - open until the hour is done
            for part in parts:
                part.put_into(self._spool)

    def _finish(self) -> None:
        """Put everything away and note where it is."""
        if len(self._part_of) == len(self):
            return
        self._put_away(self._waiting.rest())
        self._part_of, self._row_of, self._size_of = (np.empty(len(self), np.int32) for _ in range(3))
        for number, part in enumerate(self._parts):
            self._part_of[part.places] = number
            self._row_of[part.places] = np.arange(len(part.places))
            self._size_of[part.places] = part.sizes


class _Part:
    """Events that lie side by side: their places, their index, and their records in memory or in the spool."""

    def __init__(self, places: Places, index: Index, records: pa.RecordBatch) -> None:
        import pyarrow.compute as pc

        self.places = places
        self.index = index
        self.sizes = pc.binary_length(records.column("raw")).to_numpy()
        self._held: pa.RecordBatch | None = records
        self._spool: IO[bytes] | None = None
        self._at = self._size = 0

    @property
    def bytes_held(self) -> int:
        return self._held.nbytes if self._held else 0

    def put_into(self, spool: IO[bytes]) -> None:
        if self._held:
            end = spool.seek(0, SEEK_END)
            self._at = spool.seek(-(-end // ALLOCATIONGRANULARITY) * ALLOCATIONGRANULARITY)
            self._size = spool.write(self._held.serialize())
            spool.flush()
            self._spool, self._held = spool, None

    def records(self, rows: RowFormat) -> pa.RecordBatch:
        if self._spool is None:
            return self._held
        # Mapped, not read: on some machines fresh memory costs ten times the copy into it.
        there = mmap(self._spool.fileno(), self._size, access=ACCESS_READ, offset=self._at)
        return pa.ipc.read_record_batch(pa.py_buffer(there), records_schema(rows))


def stretches(sizes: Sequence[int] | NDArray[np.integer]) -> Iterator[slice]:
    """Yield stretches of records of these sizes, none much longer than what is handled at a time."""
    blocks = np.cumsum(sizes) // BYTES_AT_ONCE
    borders = [0, *(np.flatnonzero(np.diff(blocks)) + 1).tolist(), len(blocks)]
    return (slice(first, end) for first, end in pairwise(borders))


def take_from(
    parts: NDArray[np.integer], rows: NDArray[np.integer], part: Callable[[int], pa.RecordBatch]
) -> pa.RecordBatch:
    """Return these rows of these parts, in this order; without a copy where they lie side by side in one."""
    numbers = np.unique(parts)
    if len(numbers) == 1 and (np.diff(rows) == 1).all():
        return part(numbers[0]).slice(rows[0], len(rows))
    here = [np.flatnonzero(parts == number) for number in numbers]
    taken = [part(number).take(rows[at]) for number, at in zip(numbers, here, strict=True)]
    return taken[0] if len(taken) == 1 else pa.concat_batches(taken).take(np.argsort(np.concatenate(here)))
