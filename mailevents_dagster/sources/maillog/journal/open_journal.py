"""A journal that is open: its entries hour by hour, those taken too early kept for the next.

journalctl shows entries in the order in which they were written, and its `--until` stops at the first that is later,
even where the clock was wrong for a moment and those behind it are of the hour again. So an hour is read on until the
clock stood beyond its end for ten minutes of uptime, or to the end of the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from mailevents_dagster.sources.maillog.journal.access import JournalAccess
from mailevents_dagster.sources.maillog.journal.entries import MICROSECONDS, Entry
from mailevents_dagster.sources.maillog.journal.entry_stream import EntryStream
from mailevents_dagster.sources.maillog.journal.errors import NoSuchUnitError

PATIENCE: Final = 600 * MICROSECONDS
"""How long the clock must have stood beyond an hour: longer than a machine takes to set its clock after a start."""
MOST_KEPT: Final = 20_000
"""Entries that are kept for the next hour, about 12 MB; where there are more it reads them again."""


class OpenJournal:
    """The entries of a server's units from somewhere on. Close it when done."""

    def __init__(self, access: JournalAccess, where: str, first: int, at: float) -> None:
        self.awaited = _newest(access, first)
        """The entry that was the newest before this began, until it was taken; None where it lies before `first`."""
        self._stream = EntryStream(access, access.of_units(where))
        self._entries: Iterator[Entry] = iter(self._stream)
        self._counted = 0
        self.opened_at = at
        """Unix time: what was written later may not be shown."""
        self.next: int | None = None
        """The end of the hour it was read to, in microseconds, where it goes on from there."""
        self.is_exhausted = False
        self.last: Entry | None = None
        """The last entry that was taken, be it of the hour or behind it."""
        self.stop = self._stream.stop
        self.close = self._stream.close

    def first_is(self, cursor: str) -> bool:
        """Take the first entry and return whether it is the one that is known so."""
        entry = next(self._entries, None)
        if entry is None or entry.cursor != cursor:
            return False
        self._take(entry)
        return True

    def until(self, end: int) -> Iterator[Entry]:
        """Yield the entries before a time, in microseconds, and keep the later ones for the next hour."""
        kept: list[Entry] = []
        beyond: Entry | None = None
        self.next, self.is_exhausted = None, True
        for entry in self._entries:
            self._take(entry)
            if entry.time < end:
                beyond = None
                yield entry
                continue
            if len(kept) <= MOST_KEPT:
                kept.append(entry)
            if beyond is None or beyond.boot != entry.boot:
                beyond = entry
            elif entry.uptime - beyond.uptime >= PATIENCE:
                self.is_exhausted = False
                break
        self._entries = chain(kept, self._entries)
        if len(kept) <= MOST_KEPT:
            self.next = end

    def _take(self, entry: Entry) -> None:
        self.last = entry
        if self.awaited and self.awaited.cursor == entry.cursor:
            self.awaited = None

    def bytes_since(self) -> int:
        """Return the bytes that journalctl gave since this was asked for last."""
        read, self._counted = self._stream.bytes_read - self._counted, self._stream.bytes_read
        return read

    @property
    def said(self) -> str:
        """What journalctl said beside the entries."""
        return self._stream.said


def _newest(access: JournalAccess, first: int) -> Entry | None:
    """Return the newest entry of the units, if it is not from before a time."""
    try:
        newest = only_entry(access, access.of_units("--lines=1"))
    except NoSuchUnitError:
        return None
    return newest if newest and newest.time >= first else None


def only_entry(access: JournalAccess, command: Sequence[str]) -> Entry | None:
    """Return the first entry that a command shows, or None where it shows none."""
    stream = EntryStream(access, command)
    try:
        return next(iter(stream), None)
    finally:
        stream.close()
