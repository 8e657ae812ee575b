"""The hours of a mail server that logs to systemd's journal. Each entry is read once while hours follow each other."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from mailevents_dagster.model.event import ReadRange, StoppedError
from mailevents_dagster.sources.maillog.hour_lines import HourLines
from mailevents_dagster.sources.maillog.journal.access import JournalAccess
from mailevents_dagster.sources.maillog.journal.entries import MICROSECONDS
from mailevents_dagster.sources.maillog.journal.errors import NoSuchCursorError, NoSuchUnitError
from mailevents_dagster.sources.maillog.journal.hour_reading import HourReading
from mailevents_dagster.sources.maillog.journal.open_journal import OpenJournal

FRESH: Final = 60
"""Seconds for which the end of a journal counts as its end."""
SETTLED: Final = 3600
"""Seconds after its end from which a whole hour is read again when it is asked for again: that is a check then."""


class ServerJournal:
    """The journal of one server, for one run: what is open goes on from hour to hour. `stop` comes from any thread."""

    def __init__(self, access: JournalAccess, now: Callable[[], float] = time.time) -> None:
        self._access = access
        self._now = now
        self._opened: OpenJournal | None = None
        self._is_stopped = False

    def hour(self, first: int, end: int, held: Sequence[ReadRange]) -> HourLines:
        """Return the lines of `[first, end)`, in Unix seconds; `held` is what the hour's manifest says was read.

        Take the batches before the next hour is asked for. A JournalError may come while they are taken.
        """
        before = max(held, key=lambda one: one.end, default=None)
        was_ended = before is not None and before.end >= end * MICROSECONDS
        is_here = self._access.directory is None  # files from elsewhere may come late and in any order
        if before and is_here and was_ended and self._now() < end + SETTLED:
            return HourLines(iter(()), is_whole=False, is_proven=True, ranges=[before])
        goes_on = self._after(before) if before and is_here and not was_ended else None
        opened = goes_on or self._from(first, end)
        reading = HourReading(self._access, opened, first, end, before, is_whole=goes_on is None)
        return reading.lines_of(opened.until(end * MICROSECONDS))

    def stop(self) -> None:
        """End what reads; it raises StoppedError, and so does what is asked for from now on."""
        self._is_stopped = True
        opened = self._opened
        if opened:
            opened.stop()

    def close(self) -> None:
        """Let go of the journal."""
        if self._opened:
            self._opened.close()
            self._opened = None

    def _from(self, first: int, end: int) -> OpenJournal:
        """Return the journal from the beginning of an hour on: as it is open, where it was just read up to there."""
        opened = self._opened
        if opened and opened.next == first * MICROSECONDS:
            is_fresh = opened.opened_at >= min(end, self._now() - FRESH)
            if is_fresh or not opened.is_exhausted:
                return opened
        return self._open(f"--since=@{first}", first * MICROSECONDS)

    def _after(self, before: ReadRange) -> OpenJournal | None:
        """Return the journal after the entry that was read last, or None where that is no longer there."""
        if not before.file:
            return None
        opened = self._open(f"--cursor={before.file}", 0)
        try:
            return opened if opened.first_is(before.file) else None
        except (NoSuchCursorError, NoSuchUnitError):
            return None

    def _open(self, where: str, first: int) -> OpenJournal:
        self.close()
        self._opened = OpenJournal(self._access, where, first, self._now())
        if self._is_stopped:
            self.close()
            raise StoppedError
        return self._opened
