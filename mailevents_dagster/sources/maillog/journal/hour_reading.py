"""One hour as it is read from a journal: batches of its lines, what is missing of it, and what proves the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa

from mailevents_dagster.files.printable import counted, printable
from mailevents_dagster.model.event import Gap, ReadRange
from mailevents_dagster.sources.maillog.hour_lines import HourLines, Lines
from mailevents_dagster.sources.maillog.journal.access import JournalAccess
from mailevents_dagster.sources.maillog.journal.entries import MICROSECONDS, Entry
from mailevents_dagster.sources.maillog.journal.errors import NoSuchUnitError, hour_is_gone, no_journal
from mailevents_dagster.sources.maillog.journal.open_journal import OpenJournal, only_entry

_LINES: Final = 10_000
_CHARACTERS: Final = 4 * 2**20
"""The most that a batch holds, and one entry."""
_LEFT_OUT: Final = re.compile(r"^.*\bignoring file\b.*$", re.MULTILINE)
_FILE: Final = re.compile(r"\S+\.journal~?")


@dataclass(slots=True, eq=False)
class HourReading:
    """Reads one hour; what it finds out stands in the HourLines once the batches are exhausted."""

    access: JournalAccess
    journal: OpenJournal
    first: int
    end: int
    before: ReadRange | None
    """What was read of the hour earlier."""
    is_whole: bool
    """Whether the hour is read from its beginning, and not on from there."""
    _last: Entry | None = field(default=None, init=False)
    _lines: int = field(default=0, init=False)
    _strays: int = field(default=0, init=False)

    def lines_of(self, entries: Iterator[Entry]) -> HourLines:
        """Return the lines of entries, all of which come before the end of the hour."""
        found = HourLines(iter(()), self.is_whole)
        found.batches = self._batches(entries, found)
        return found

    def _batches(self, entries: Iterator[Entry], found: HourLines) -> Iterator[Lines]:
        texts: list[str] = []
        times: list[int] = []
        characters = 0
        for entry in self._of_known_units(entries, found):
            at = entry.time // MICROSECONDS
            if entry.dropped:
                found.gaps.append(self._gap_before(entry))
            self._last = entry
            self._strays += len(entry.lines) if at < self.first else 0
            texts += entry.lines
            times += [at] * len(entry.lines)
            characters += sum(map(len, entry.lines))
            if len(texts) >= _LINES or characters >= _CHARACTERS:
                yield self._batch(texts, times)
                texts, times, characters = [], [], 0
        if texts:
            yield self._batch(texts, times)
        self._finish(found)

    def _batch(self, texts: list[str], times: list[int]) -> Lines:
        self._lines += len(texts)
        return Lines(pa.array(texts, pa.string()), np.array(times, np.int64))

    def _of_known_units(self, entries: Iterator[Entry], found: HourLines) -> Iterator[Entry]:
        try:
            yield from entries
        except NoSuchUnitError as error:
            found.notes.append(f"{error} See `journal` in the settings, and `journalctl --field=_SYSTEMD_UNIT`.")

    def _gap_before(self, entry: Entry) -> Gap:
        """Return the time in which journald dropped messages: since the last that it took."""
        taken = self._last.time if self._last else 0 if self.is_whole or not self.before else self.before.end
        since = max(self.first, taken // MICROSECONDS)
        why = (
            f"journald dropped {counted(entry.dropped, 'message')}, since they came faster than it is told to take; "
            "set LogRateLimitIntervalSec=0 for the unit"
        )
        return Gap(since, 0, entry.time // MICROSECONDS + 1, why)

    def _finish(self, found: HourLines) -> None:
        """Tell what the reading proves. The reach comes last: files may have been removed while it was read."""
        self._find_range(found, self._reach() if self.is_whole else self.first * MICROSECONDS)
        found.gaps += self._missing_start(found.ranges[0].first // MICROSECONDS)
        found.gaps += self._gaps_of_files(found)
        found.gaps += self._missing_end()
        if self._strays:
            found.notes.append(
                f"The clock was set back: {counted(self._strays, 'line')} of earlier hours came after that, with these."
            )
        found.measures.update(lines=self._lines, bytes_read=self.journal.bytes_since(), strays=self._strays)

    def _reach(self) -> int:
        """Return how far back the journal reaches, in microseconds; an hour that ended before that is gone."""
        oldest = only_entry(self.access, self.access.of_any())
        if oldest is None:
            raise no_journal(self.access)
        if oldest.time >= self.end * MICROSECONDS and not self.before and not self._lines:
            raise hour_is_gone(self.access, self.end, oldest.time / MICROSECONDS)
        return oldest.time

    def _find_range(self, found: HourLines, reach: int) -> None:
        first, end = self.first * MICROSECONDS, self.end * MICROSECONDS
        found.is_proven = self._reaches_beyond(found)
        cursor = self._last.cursor if self._last else self.before.file if self.before else ""
        latest = self._last.time + 1 if self._last else first
        begin = max(first, min(reach, end))
        lines = self._lines - self._strays
        if self.before:
            begin = min(begin, self.before.first) if self.is_whole else self.before.first
            latest = max(latest, self.before.end)
            lines = max(lines, self.before.lines) if self.is_whole else lines + self.before.lines
        reached = end if found.is_proven else min(latest, end - 1)
        found.ranges.append(ReadRange(cursor, self.access.name, begin, reached, lines, 0, 0))

    def _reaches_beyond(self, found: HourLines) -> bool:
        """Return whether the journal had gone beyond the hour: that of this machine goes with its clock."""
        if self.access.directory is None:
            return self.journal.opened_at >= self.end
        newest = only_entry(self.access, self.access.of_any("--lines=1"))
        at = newest.time / MICROSECONDS if newest else 0
        if at < self.end:
            moment = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S} UTC"
            found.notes.append(f"The newest entry in {self.access.name} is of {moment}: the hour may go on.")
        return at >= self.end

    def _missing_start(self, begin: int) -> list[Gap]:
        if begin <= self.first:
            return []
        moment = f"{datetime.fromtimestamp(begin, UTC):%H:%M:%S} UTC"
        return [Gap(self.first, 0, begin, f"the journal begins at {moment}: what was older was removed")]

    def _missing_end(self) -> list[Gap]:
        """Return what journalctl does not show before the newest entry: it ends at a damaged place without a word."""
        last, newest = self.journal.last, self.journal.awaited
        shown = last.time if last else self.first * MICROSECONDS
        if not self.journal.is_exhausted or shown >= self.end * MICROSECONDS or not newest or newest.time <= shown:
            return []
        why = "journalctl shows nothing more before a later entry: a file is damaged; `journalctl --verify` names it"
        return [Gap(shown // MICROSECONDS, 0, min(self.end, newest.time // MICROSECONDS + 1), why)]

    def _gaps_of_files(self, found: HourLines) -> Iterator[Gap]:
        """Yield a gap for each file that journalctl cannot read, unless it ends before the hour."""
        for line in _LEFT_OUT.findall(self.journal.said):
            said = printable(line, 300)
            file = _FILE.search(line)
            try:
                is_older = file is not None and Path(file[0]).stat().st_mtime < self.first
            except OSError:
                is_older = False
            if is_older:
                found.notes.append(f"journalctl: {said} It ends before this hour.")
            else:
                why = f"journalctl said: {said} `journalctl --verify` tells more; move the file away once it is lost"
                yield Gap(self.first, 0, self.end, why)
