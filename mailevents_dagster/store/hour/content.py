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

import pyarrow as pa
import pyarrow.compute as pc
from upath import UPath

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.hour.index import OWED
from mailevents_dagster.store.hour.snapshot_columns import lines_of, seconds_of
from mailevents_dagster.store.hour.snapshot_file import SnapshotFile

BLOCK: Final = 2**20

Belongs = Callable[[bytes, bytes], bool]
"""Whether an event with this identity and record may stand in an hour that its time lies outside of."""


@dataclass(slots=True)
class LogRead:
    """A log file as it was read."""

    bytes: int = 0
    sha256: str = ""
    error: str = ""
    """Why it could not be read."""
    differs_at: int | None = None
    """The first line that is not what the snapshot says."""


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


def read_content(snapshot: bytes, path: UPath, log: UPath, hour: Hour, belongs: Belongs) -> Content:
    """The content of a snapshot and how the log compares with it; DamagedError where the snapshot is not whole."""
    with ExitStack() as closing:
        reading = _Log(log, closing)
        content = Content(reading.read)
        for batch in SnapshotFile(BytesIO(snapshot), path).proven():
            reading.compare(batch, content.events)
            _count(batch, content, hour, belongs)
        reading.finish(content.events)
        return content


def read_log(log: UPath) -> LogRead:
    """A log that there is no snapshot to compare with."""
    with ExitStack() as closing:
        reading = _Log(log, closing)
        reading.finish(None)
        return reading.read


class _Log:
    """A log that is read once, for its digest and to be compared."""

    def __init__(self, path: UPath, closing: ExitStack) -> None:
        self.read = LogRead()
        self._digest = hashlib.sha256()
        self._file: IO[bytes] = BytesIO()
        try:
            self._file = closing.enter_context(path.open("rb"))
        except FileNotFoundError:
            self.read.error = "is gone"
        except OSError as error:
            self.read.error = f"cannot be read: {error}"

    def compare(self, batch: pa.RecordBatch, events_before: int) -> None:
        expected = lines_of(batch)
        block = self._next(expected.size)
        if self.read.differs_at is None and not pa.py_buffer(block).equals(expected):
            lines = zip(block.split(b"\n"), expected.to_pybytes().split(b"\n"), strict=False)
            same = next((number for number, (one, other) in enumerate(lines) if one != other), batch.num_rows)
            self.read.differs_at = events_before + same + 1

    def finish(self, events: int | None) -> None:
        """Reads what is behind the last event; with no number of events, whatever there is."""
        while block := self._next(BLOCK):
            if events is not None and self.read.differs_at is None and block:
                self.read.differs_at = events + 1
        self.read.sha256 = self._digest.hexdigest()

    def _next(self, size: int) -> bytes:
        try:
            block = self._file.read(size)
        except OSError as error:
            self.read.error = f"cannot be read: {error}"
            return b""
        self._digest.update(block)
        self.read.bytes += len(block)
        return block


def _count(batch: pa.RecordBatch, content: Content, hour: Hour, belongs: Belongs) -> None:
    times = seconds_of(batch)
    before = content.events
    _find_disorder(times, content)
    ends = pc.min_max(times).as_py()
    content.first = ends["min"] if content.first is None else min(content.first, ends["min"])
    content.last = ends["max"] if content.last is None else max(content.last, ends["max"])
    content.details_owed += pc.sum(pc.is_in(batch.column("detail"), pa.array(OWED, pa.string()))).as_py() or 0
    content.events += batch.num_rows
    if ends["min"] < hour.start or ends["max"] >= hour.end:
        outside = pc.or_(pc.less(times, hour.start), pc.greater_equal(times, hour.end))
        for place in pc.indices_nonzero(outside).to_pylist():
            identity, raw = (batch.column(name)[place].as_py() for name in ("identity", "raw"))
            if not belongs(identity, raw.encode()):
                content.foreign.append(before + place + 1)


def _find_disorder(times: pa.Array, content: Content) -> None:
    """In a snapshot the last time so far is the newest, until the order is broken."""
    if content.out_of_order is not None:
        return
    if content.last is not None and times[0].as_py() < content.last:
        content.out_of_order = content.events + 1
        return
    older = pc.indices_nonzero(pc.less(times[1:], times[:-1]))
    if len(older):
        content.out_of_order = content.events + older[0].as_py() + 2
