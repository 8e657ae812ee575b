"""Events gathered for an hour in whatever order they come: the last of them in memory, the others on disk beside it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from os import SEEK_END
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Final, Protocol

import numpy as np
import pyarrow as pa

from mailevents_dagster.columns import RowFormat
from mailevents_dagster.events import Event, Places
from mailevents_dagster.store.atomic import make_folder, naming
from mailevents_dagster.store.index import Index, index_of, joined
from mailevents_dagster.store.parquet import records_of, records_schema

EVENTS_OF_A_PART: Final = 1024
BYTES_OF_A_PART: Final = 8 * 2**20


class Records(Protocol):
    """Events by their places: the index of all of them, and the records of some."""

    @property
    def index(self) -> Index: ...
    def take(self, places: Places) -> pa.RecordBatch:
        """The records at these places, in this order: their typed columns and their text."""

    def close(self) -> None: ...


class Gathered:
    """Events of one hour, each known by the place it was given. Threads may add at once."""

    def __init__(self, rows: RowFormat, folder: Path, memory: int) -> None:
        """Beyond so many bytes of memory, records go into a file in the folder that has no name and leaves no trace."""
        self._rows = rows
        self._folder = folder
        self._memory = memory
        self._adding = threading.Lock()
        self._last: list[Event] = []
        self._last_bytes = 0
        self._indexes: list[Index] = []
        self._parts: list[_Part] = []
        self._firsts: list[int] = []
        """The place of the first event of each part."""
        self._count = 0
        self._spool: IO[bytes] | None = None

    def __len__(self) -> int:
        return self._count

    def add(self, event: Event) -> int:
        """Takes an event and returns its place."""
        with self._adding:
            place = self._count
            self._count += 1
            self._last.append(event)
            self._last_bytes += len(event.raw)
            if len(self._last) < EVENTS_OF_A_PART and self._last_bytes < BYTES_OF_A_PART:
                return place
            part, events = self._new_part()
        part.held = records_of(events, self._rows)  # outside the lock: the other threads go on
        self._spill()
        return place

    @property
    def index(self) -> Index:
        with self._adding:
            return joined([*self._indexes, index_of(self._last)])

    def take(self, places: Places) -> pa.RecordBatch:
        """Of threads that add none may be left: what they add last is not looked for."""
        if self._last:
            part, events = self._new_part()
            part.held = records_of(events, self._rows)
        return take_from(places, np.array(self._firsts), lambda number: self._parts[number].records(self._rows))

    def close(self) -> None:
        if self._spool:
            self._spool.close()

    def _new_part(self) -> tuple[_Part, Sequence[Event]]:
        """The events that came last, and the part that they are to fill."""
        part, events = _Part(), self._last
        self._indexes.append(index_of(events))
        self._parts.append(part)
        self._firsts.append(self._count - len(events))
        self._last, self._last_bytes = [], 0
        return part, events

    def _spill(self) -> None:
        with self._adding:
            if sum(part.bytes_held for part in self._parts) <= self._memory:
                return
            with naming(self._folder):
                if self._spool is None:
                    make_folder(self._folder)
                    self._spool = TemporaryFile(dir=self._folder)  # noqa: SIM115 - open until the hour is done
                for part in self._parts:
                    part.put_into(self._spool)


class _Part:
    """Records of events that came one after the other, in memory or in the spool."""

    def __init__(self) -> None:
        self.held: pa.RecordBatch | None = None
        self._spool: IO[bytes] | None = None
        self._at = self._size = 0

    @property
    def bytes_held(self) -> int:
        return self.held.nbytes if self.held else 0

    def put_into(self, spool: IO[bytes]) -> None:
        if self.held:
            self._at = spool.seek(0, SEEK_END)
            self._size = spool.write(self.held.serialize())
            self._spool, self.held = spool, None

    def records(self, rows: RowFormat) -> pa.RecordBatch:
        if self._spool is None:
            assert self.held  # noqa: S101 - it was filled by whoever made the part
            return self.held
        self._spool.seek(self._at)
        return pa.ipc.read_record_batch(pa.py_buffer(self._spool.read(self._size)), records_schema(rows))


def take_from(places: Places, firsts: Places, part: Callable[[int], pa.RecordBatch]) -> pa.RecordBatch:
    """The rows at these places, in this order, of parts that begin at `firsts`."""
    of_part = np.searchsorted(firsts, places, side="right") - 1
    numbers = np.unique(of_part)
    rows = [np.flatnonzero(of_part == number) for number in numbers]
    taken = [part(number).take(places[here] - firsts[number]) for number, here in zip(numbers, rows, strict=True)]
    return taken[0] if len(taken) == 1 else pa.concat_batches(taken).take(np.argsort(np.concatenate(rows)))
