"""What the snapshot of an hour holds, read beside its log: counted and compared a row group at a time.

No event becomes a Python object but those that stand in the wrong hour, so that this goes as fast as the digests do.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from io import BytesIO
from typing import IO, Final

import numpy as np
import pyarrow as pa

from mailevents_dagster.files.atomic import opened
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.hour.index import OWED
from mailevents_dagster.store.hour.snapshot_columns import lines_of, seconds_of
from mailevents_dagster.store.hour.snapshot_file import SnapshotFile, reading

BLOCK: Final = 2**20

Belongs = Callable[[bytes, bytes], bool]
"""Returns whether an event with this identity and record may stand in an hour that its time lies outside of."""


class LogRead:
    """A log that is read once, for its digest and to be compared."""

    def __init__(self, path: StoredPath, closing: ExitStack) -> None:
        self.bytes = 0
        self.error = ""
        """Why it could not be read."""
        self.differs_at: int | None = None
        """The first line that is not what the snapshot says."""
        self._digest = hashlib.sha256()
        self._file: IO[bytes] = BytesIO()
        try:
            self._file = closing.enter_context(opened(path))
        except FileNotFoundError:
            self.error = "is gone"
        except OSError as error:
            self.error = f"cannot be read: {error}"

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def compare(self, batch: pa.RecordBatch, events_before: int) -> None:
        expected = lines_of(batch)
        block = self._next(expected.size)
        if self.differs_at is None and not pa.py_buffer(block).equals(expected):
            lines = zip(block.split(b"\n"), expected.to_pybytes().split(b"\n"), strict=False)
            same = next((number for number, (one, other) in enumerate(lines) if one != other), batch.num_rows)
            self.differs_at = events_before + same + 1

    def finish(self, events: int | None) -> None:
        """Read what is behind the last event; with no number of events, whatever there is."""
        while self._next(BLOCK):
            if events is not None and self.differs_at is None:
                self.differs_at = events + 1

    def _next(self, size: int) -> bytes:
        try:
            block = self._file.read(size)
        except OSError as error:
            self.error = f"cannot be read: {error}"
            return b""
        self._digest.update(block)
        self.bytes += len(block)
        return block


@dataclass(slots=True)
class Content:
    """What the events of a snapshot come to."""

    log: LogRead
    events: int = 0
    details_owed: int = 0
    first: int | None = None
    last: int | None = None
    out_of_order: int | None = None
    """The first event, counted from one, that is older than the one before it."""
    foreign: list[int] = field(default_factory=list)
    """Events, counted from one, that do not belong in this hour."""

    def count(self, batch: pa.RecordBatch, hour: Hour, belongs: Belongs) -> None:
        import pyarrow.compute as pc

        times = seconds_of(batch).to_numpy()
        steps = np.diff(times, prepend=times[0] if self.last is None else self.last)
        if self.out_of_order is None and (steps < 0).any():
            self.out_of_order = self.events + int(np.argmax(steps < 0)) + 1
        for place in np.flatnonzero((times < hour.start) | (times >= hour.end)).tolist():
            identity, raw = (batch.column(name)[place].as_py() for name in ("identity", "raw"))
            if not belongs(identity, raw.encode()):
                self.foreign.append(self.events + place + 1)
        first, last = int(times.min()), int(times.max())
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        self.details_owed += pc.sum(pc.is_in(batch.column("detail"), pa.array(OWED, pa.string()))).as_py() or 0
        self.events += batch.num_rows


def read_content(snapshot: bytes, path: StoredPath, log: StoredPath, hour: Hour, belongs: Belongs) -> Content:
    """Return what a snapshot holds and how the log compares with it; DamagedError where the snapshot is not whole."""
    with ExitStack() as closing, reading(path):
        content = Content(LogRead(log, closing))
        for batch in SnapshotFile(BytesIO(snapshot), path).proven():
            content.log.compare(batch, content.events)
            content.count(batch, hour, belongs)
        content.log.finish(content.events)
        return content


def read_log(log: StoredPath) -> LogRead:
    """Read a log that there is no snapshot to compare with."""
    with ExitStack() as closing:
        found = LogRead(log, closing)
        found.finish(None)
        return found
