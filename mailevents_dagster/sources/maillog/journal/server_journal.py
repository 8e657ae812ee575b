"""The hours of a mail server that logs to systemd's journal. Each entry is read once while hours follow each other.

journalctl shows entries in the order in which they were written, and its `--until` stops at the first that is later,
even where the clock was wrong for a moment and those behind it are of the hour again. So an hour is read on until the
clock stood beyond its end for ten minutes of uptime, or to the end of the journal. What was read too much is kept for
the next hour.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from mailevents_dagster.model.event import ReadRange, StoppedError
from mailevents_dagster.sources.maillog.journal.access import JournalAccess
from mailevents_dagster.sources.maillog.journal.entries import MICROSECONDS, Entry
from mailevents_dagster.sources.maillog.journal.entry_stream import EntryStream
from mailevents_dagster.sources.maillog.journal.errors import NoSuchCursorError, NoSuchUnitError
from mailevents_dagster.sources.maillog.journal.hour_lines import HourLines
from mailevents_dagster.sources.maillog.journal.hour_reading import HourReading

PATIENCE: Final = 600 * MICROSECONDS
"""How long the clock must have stood beyond an hour: longer than a machine takes to set its clock after a start."""
MOST_KEPT: Final = 20_000
"""Entries that are kept for the next hour, about 12 MB; where there are more it reads them again."""
FRESH: Final = 60
"""Seconds for which the end of a journal counts as its end."""
SETTLED: Final = 3600
"""Seconds after its end from which a whole hour is read again when it is asked for again: that is a check then."""


@dataclass(slots=True)
class _Opened:
    """A stream of entries, and what was taken from it too early."""

    stream: EntryStream
    at: float
    entries: Iterator[Entry]
    next: int | None = None
    """The end of the hour it was read to, in microseconds: it goes on from there."""
    counted: int = 0
    """Bytes that count as read for that hour or earlier ones."""
    is_exhausted: bool = False


class ServerJournal:
    """The journal of one server, for one run: what is open goes on from hour to hour. `stop` comes from any thread."""

    def __init__(self, access: JournalAccess, now: Callable[[], float] = time.time) -> None:
        self._access = access
        self._now = now
        self._opened: _Opened | None = None
        self._is_stopped = False

    def hour(self, first: int, end: int, held: Sequence[ReadRange]) -> HourLines:
        """Return the lines of `[first, end)`, in Unix seconds; `held` is what the hour's manifest says was read.

        Hours in their order are read in one go. A JournalError may come while the batches are taken.
        """
        before = max(held, key=lambda one: one.end, default=None)
        is_here = self._access.directory is None  # files from elsewhere may come late and in any order
        if before and is_here and before.end >= end * MICROSECONDS and self._now() < end + SETTLED:
            return HourLines(iter(()), is_whole=False, ranges=[before], is_proven=True)
        goes_on = self._after(before) if before and is_here and before.end < end * MICROSECONDS else None
        opened = goes_on or self._from(first, end)
        entries = self._until(opened, end * MICROSECONDS)
        reading = HourReading(
            self._access, opened.stream, opened.at, first, end, before, goes_on is None, opened.counted
        )
        return reading.lines_of(entries)

    def stop(self) -> None:
        """End what reads; it raises StoppedError, and so does what is asked for from now on."""
        self._is_stopped = True
        opened = self._opened
        if opened:
            opened.stream.stop()

    def close(self) -> None:
        """Let go of the journal."""
        if self._opened:
            self._opened.stream.close()
            self._opened = None

    def _from(self, first: int, end: int) -> _Opened:
        """Return the journal from the beginning of an hour on: as it is open, where it was just read up to there."""
        opened = self._opened
        if opened and opened.next == first * MICROSECONDS:
            is_fresh = opened.at >= min(end, self._now() - FRESH)
            if is_fresh or not opened.is_exhausted:
                return opened
        return self._open(f"--since=@{first}")

    def _after(self, before: ReadRange) -> _Opened | None:
        """Return the journal after the entry that was read last, or None where that is no longer there."""
        if not before.file:
            return None
        opened = self._open(f"--cursor={before.file}")
        try:
            entry = next(opened.entries, None)
        except (NoSuchCursorError, NoSuchUnitError):
            return None
        return opened if entry and entry.cursor == before.file else None

    def _open(self, where: str) -> _Opened:
        self.close()
        at = self._now()
        stream = EntryStream(self._access, self._access.of_units(where))
        self._opened = _Opened(stream, at, iter(stream))
        if self._is_stopped:
            self.close()
            raise StoppedError
        return self._opened

    def _until(self, opened: _Opened, end: int) -> Iterator[Entry]:
        """Yield the entries before a time, and keep the later ones for whoever reads on."""
        kept: list[Entry] = []
        beyond: Entry | None = None
        opened.next, is_exhausted = None, True
        for entry in opened.entries:
            if entry.time < end:
                beyond = None
                yield entry
                continue
            if len(kept) <= MOST_KEPT:
                kept.append(entry)
            if beyond is None or beyond.boot != entry.boot:
                beyond = entry
            elif entry.uptime - beyond.uptime >= PATIENCE:
                is_exhausted = False
                break
        opened.is_exhausted = is_exhausted
        opened.entries = chain(kept, opened.entries)
        opened.counted = opened.stream.bytes_read
        if len(kept) <= MOST_KEPT:
            opened.next = end
