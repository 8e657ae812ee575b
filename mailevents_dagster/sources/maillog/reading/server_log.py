"""The log of one mail server, read by hours: nothing missing, nothing twice, whatever rotation does meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from mailevents_dagster.model.event import Gap, ReadRange
from mailevents_dagster.sources.maillog.hour_lines import HourLines, Lines
from mailevents_dagster.sources.maillog.reading.content import Measures
from mailevents_dagster.sources.maillog.reading.index import HOUR, KnownFile, load_index, save_index, settled
from mailevents_dagster.sources.maillog.reading.ledger import Ledger
from mailevents_dagster.sources.maillog.reading.names import log_name
from mailevents_dagster.sources.maillog.reading.proof import Extent, gaps_of
from mailevents_dagster.sources.maillog.reading.recent import RecentBlocks
from mailevents_dagster.sources.maillog.reading.refusals import clock, gone, refuse_unreadable
from mailevents_dagster.sources.maillog.reading.repeats import Repeats
from mailevents_dagster.sources.maillog.reading.scanning import DISORDER, LogFile
from mailevents_dagster.sources.maillog.reading.survey import Part, Survey, Surveyor
from mailevents_dagster.sources.maillog.stamps import Stamps

MEMORY: Final = 4 * 2**20
"""For a quarter of an hour or so of a busy log, in which the next hour looks for lines that are out of order."""
QUIET: Final = 2
"""So many seconds after its last change, by the clock of the file system, nothing more of that second comes."""
_COPIED: Final = "its last lines may be lost: it was truncated, as copytruncate does, or removed while it grew"
_REMOVED: Final = "it was removed before the hour was read"


class ServerLog:
    """The files that a pattern names. They stay open until this is closed; one thread at a time."""

    def __init__(
        self, pattern: str, zone: str, index: Path, now: Callable[[], float] = time.time, memory: int = MEMORY
    ) -> None:
        """Stamps that name no zone are of this one. Lines read for other hours wait in so many bytes of memory."""
        self._pattern = pattern
        self._zone = zone
        self._path = index
        self._now = now
        self._stamps = Stamps(zone)
        self._recent = RecentBlocks(memory)
        self._measures = Measures()
        self._index, note = load_index(index, zone)
        self._notes = [note] if note else []
        self._saved = (dict(self._index.files), self._index.seen)
        self._surveyor = Surveyor(pattern, self._stamps, self._index, self._measures)

    def stop(self) -> None:
        """Do nothing: reading a file waits for nobody."""

    def close(self) -> None:
        """Let go of all files."""
        self._surveyor.close()

    def hour(self, first: int, end: int, held: Sequence[ReadRange] = ()) -> HourLines:
        """Return the lines of a window; `held` are the ranges that its committed lines came from.

        LogError where it cannot be read, or is gone.
        """
        before = replace(self._measures)
        survey = self._surveyor.survey(self._now())
        refuse_unreadable(survey, self._index, self._pattern, first, end)
        begins = self._begins(survey)
        if end <= begins and not held:
            raise gone(self._pattern, begins, self._zone)
        for file in self._index.files.values():
            if not file.stretches:
                self._recent.forget(file.id)
        files = self._candidates(survey, first, end)
        ledger = Ledger(held)
        has_new = any(file.has_new(first, end, partial(ledger.wants, file.known.id)) for file in files)
        is_whole = not held or (has_new and self._must_compare(survey, files, end, held))
        if is_whole:
            held = [one for one in held if one.file not in survey.files]
        hour = HourLines(iter(()), is_whole)
        hour.batches = self._read(hour, files, survey, Ledger(held), before, first, end)
        return hour

    def _begins(self, survey: Survey) -> int:
        """Return when the log begins: the time of its oldest line that is there."""
        return min(self._index.files[file].begins for file in survey.files)

    def _candidates(self, survey: Survey, first: int, end: int) -> list[LogFile]:
        """Return the files that may hold lines of a window: those of the largest log first, in their order."""
        found: list[list[LogFile]] = []
        for parts in survey.parts.values():
            follow = [*(self._index.files[part.file].begins for part in parts[1:]), None]
            found.append(
                [
                    self._log_file(part, first)
                    for part, next_begins in zip(parts, follow, strict=True)
                    if self._may_hold(part, next_begins, first - DISORDER, end + DISORDER)
                ]
            )
        found.sort(key=lambda files: -sum(file.part.place.size for file in files))
        return [file for files in found for file in files]

    def _may_hold(self, part: Part, next_begins: int | None, first: int, end: int) -> bool:
        """Return whether lines of a window may be in a file; a process may write to a rotated one for a while."""
        known, until = self._index.files[part.file], float("inf")
        if known.is_scanned_to_end(part.place.size):
            until = max(span.greatest for stretch in known.stretches for span in stretch.spans)
        elif next_begins is not None:
            until = max(next_begins + DISORDER, 0 if known.is_packed else part.place.mtime)
        return known.begins < end and until >= first

    def _log_file(self, part: Part, first: int) -> LogFile:
        content = partial(self._surveyor.content, part.file, part.place, self._now())
        return LogFile(self._index.files[part.file], part, content, self._stamps, self._recent, first % HOUR)

    def _must_compare(self, survey: Survey, files: Sequence[LogFile], end: int, held: Sequence[ReadRange]) -> bool:
        """Return whether places tell too little of what is held, so that lines must be compared."""
        if len({file.known.log for file in files}) > 1:  # which may repeat each other
            return True
        there = survey.files
        names = {one.file for one in held}
        for file in files:
            furthest = max((one.end for one in held if one.file == file.known.id), default=0)
            is_shorter = not file.known.is_packed and furthest > file.part.place.size
            if file.known.id in names and (file.known.is_rewritten or is_shorter):
                return True
        is_lost = bool(names - there)
        return is_lost and any(file.known.id not in names and file.known.begins < end for file in files)

    def _read(
        self,
        hour: HourLines,
        files: Sequence[LogFile],
        survey: Survey,
        ledger: Ledger,
        before: Measures,
        first: int,
        end: int,
    ) -> Iterator[Lines]:
        repeats = Repeats() if len({file.known.log for file in files}) > 1 else None
        not_utf8, log = 0, ""
        try:
            for file in files:
                if repeats and log not in ("", file.known.log):
                    repeats.next_log()
                log = file.known.log
                wanted = partial(ledger.wants, file.known.id)
                for block in file.blocks(first, end, wanted):
                    not_utf8 += block.not_utf8
                    yield from ledger.take(file.known, block, first, end, repeats.is_new if repeats else None)
                self._keep(file)
        finally:
            for file in files:
                self._keep(file)
        hour.ranges = [*ledger.ranges({file.id: file.name for file in self._index.files.values()})]
        hour.gaps = [*self._gaps(survey, files, hour.ranges, first, end)]
        is_older_gone = any(one.file not in survey.files for one in hour.ranges)
        hour.is_proven = not is_older_gone or self._begins(survey) <= first
        hour.notes, self._notes = self._notes, []
        hour.measures = {
            "bytes_read": self._measures.bytes_read - before.bytes_read,
            "files_opened": self._measures.files_opened - before.files_opened,
            "lines": ledger.lines,
            "lines_not_utf8": not_utf8,
            "unfinished_bytes": sum(file.unfinished for file in files),
        }
        self._save(first % HOUR)

    def _keep(self, file: LogFile) -> None:
        """Take over what was scanned of a file."""
        known, scanned = self._index.files.get(file.known.id), file.known
        if known is None or known.is_rewritten != scanned.is_rewritten:
            return
        known = replace(known, stretches=scanned.stretches, tail=scanned.tail, length=scanned.length, cut=scanned.cut)
        if file.is_read_out and not file.unfinished and not known.is_packed:
            changed = int(file.part.place.mtime)
            known = replace(known, quiet_since=changed if time.time() >= changed + QUIET else None)
        self._index.files[known.id] = known

    def _save(self, phase: int) -> None:
        files = {file.id: settled(file, phase) for file in self._index.files.values()}
        self._index.files.update(files)
        now = (files, self._index.seen)
        if now != self._saved:
            save_index(self._path, self._index)
            self._saved = now

    def _gaps(
        self, survey: Survey, files: Sequence[LogFile], ranges: Sequence[ReadRange], first: int, end: int
    ) -> Iterator[Gap]:
        read = {file.known.id: file for file in files}
        earliest = self._begins(survey)
        is_older_known = any(one.file not in survey.files for one in ranges)
        for log, parts in survey.parts.items():
            there = {part.file: part for part in parts}
            known = [one for one in self._index.files.values() if one.log == log]
            known.sort(key=lambda one: log_name(one.name).age, reverse=True)
            extents = []
            for one in sorted(known, key=lambda one: one.begins):
                part = there.get(one.id)
                extents.append(
                    self._extent(one, part, read.get(one.id), survey) if part else _removed(one, ranges, first, end)
                )
                is_older_known = is_older_known or (part is None and one.begins < earliest)
            yield from gaps_of(extents, survey.numbers[log], first, end)
        if first < earliest and not is_older_known:
            yield Gap(first, 0, min(earliest, end), f"the log begins at {clock(earliest, self._zone)}")

    def _extent(self, known: KnownFile, part: Part, file: LogFile | None, survey: Survey) -> Extent:
        """Return what a file that is there covers."""
        is_read_out = file.is_read_out if file else known.is_scanned_to_end(part.place.size)
        until = known.until if is_read_out else None
        loss = "" if known.lost_by is None else _COPIED
        if known.cut:
            loss = f"it is packed, and {known.cut}"
        elif damaged := survey.damaged_after(part):
            loss = f"the next file, {damaged.path}, has no line that begins with a time"
        return Extent(part.place.path, known.begins, until, part.place.name.number, loss, known.lost_by)


def _removed(known: KnownFile, ranges: Sequence[ReadRange], first: int, end: int) -> Extent:
    """Return what a file that is gone covers: what was committed of it."""
    ledger = Ledger(ranges)
    is_committed = not any(ledger.wants(known.id, span.first, span.end) for span in known.spans(first, end))
    until = known.until if is_committed else known.begins
    loss = _REMOVED if known.lost_by is None else _COPIED
    return Extent(known.name, known.begins, until, None, loss, known.lost_by)
