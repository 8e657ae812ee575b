"""Scanning one log file for the lines of a window: each byte once, and only where lines of the window can be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np

from mailevents_dagster.sources.maillog.errors import Cause, LogError
from mailevents_dagster.sources.maillog.reading.content import Content
from mailevents_dagster.sources.maillog.reading.index import KnownFile, Sample, Span, Stretch, begun, extended
from mailevents_dagster.sources.maillog.reading.lines import PIECE, Block, block_of
from mailevents_dagster.sources.maillog.reading.recent import RecentBlocks
from mailevents_dagster.sources.maillog.reading.recognising import is_as_before
from mailevents_dagster.sources.maillog.reading.survey import Part
from mailevents_dagster.sources.maillog.stamps import UNREADABLE, Stamps

CHUNK: Final = PIECE + PIECE // 4
"""Bytes read at once: more than the longest line has."""
LITTLE: Final = 2 * CHUNK
"""So much is scanned to its end without looking for the place where the window begins or ends."""
DISORDER: Final = 300
"""So many seconds may a line be out of order."""
PROBE: Final = 2**13
TAIL: Final = 32
"""Bytes of the last line by which a growing file is told again: each run reads them once more."""
Wanted = Callable[[int, int], bool]
"""Whether anything between two bytes is wanted."""


@dataclass(frozen=True, slots=True)
class _Start:
    """Where to scan on."""

    at: int
    before: int
    """The time of the line before; where none was scanned, that of the line itself."""
    stretch: Stretch | None = None
    """What was scanned up to here."""


class LogFile:
    """One log file while it is scanned."""

    def __init__(
        self,
        known: KnownFile,
        part: Part,
        open_content: Callable[[], Content],
        stamps: Stamps,
        recent: RecentBlocks,
        phase: int,
    ) -> None:
        self.known = known
        self.part = part
        self._open_content = open_content
        self._stamps = stamps
        self._recent = recent
        self._phase = phase
        self.is_read_out = False
        """Whether it was scanned to its end."""

    @cached_property
    def _content(self) -> Content:
        content = self._open_content()
        if content.is_packed and not is_as_before(content, self.known.head):
            raise self._changed()
        return content

    @property
    def unfinished(self) -> int:
        """Return how many bytes behind the last whole line were left for later."""
        if self.known.is_packed or not self.known.stretches or not self.is_read_out:
            return 0
        return self.part.place.size - self.known.stretches[-1].end

    def has_new(self, first: int, end: int, wanted: Wanted) -> bool:
        """Return whether there is anything to read for a window."""
        spans = self.known.spans(first, end)
        return self._start_for(first, end) is not None or any(wanted(span.first, span.end) for span in spans)

    def blocks(self, first: int, end: int, wanted: Wanted) -> Iterator[Block]:
        """Yield the blocks that may hold lines of a window: those scanned before, then what is scanned for it now."""
        for span in self.known.spans(first, end):
            if wanted(span.first, span.end):
                yield from self._again(span)
        while (start := self._start_for(first, end)) is not None:
            block = self._scan(start)
            if block is None:
                self.is_read_out = True
                return
            yield block
        ends = [one.end for one in self.known.stretches]
        self.is_read_out = bool(ends) and ends[-1] >= self._end

    def _again(self, span: Span) -> Iterator[Block]:
        """Yield what was scanned before; from memory where it is still there."""
        at, before = span.first, span.before
        while at < span.end:
            block = self._recent.block(self.known.id, at)
            if block is None:
                data = self._read(at, min(CHUNK, span.end - at))
                is_all = at + len(data) == span.end
                block = block_of(data, at, self._stamps, before, self._latest(at), is_all=is_all)
            if block.end <= at and self.known.is_packed:
                self.known = replace(self.known, length=at, cut="it holds less than was read of its original")
                return
            if block.end <= at:
                raise self._changed()
            yield block.between(at, span.end)
            at = block.end
            before = int(block.lines.times[-1]) if len(block.lines) else before

    def _read(self, at: int, size: int) -> bytes:
        """Return bytes of this file, and not of another that has its place and inode since."""
        if self.known.is_packed:
            return self._content.read(at, size)
        data = self._content.read(at, size)
        if not is_as_before(self._content, self.known.head, self.known.tail):
            raise self._changed()
        return data

    def _changed(self) -> LogError:
        return LogError(
            Cause.CHANGED,
            f"{self.known.name} was cut off while it was read, as copytruncate does. Nothing was committed; the next "
            f"collection reads the hour where it lies then.",
            is_passing=True,
        )

    def _start_for(self, first: int, end: int) -> _Start | None:
        return self._next_start(first - DISORDER, end + DISORDER)

    def _next_start(self, first: int, end: int) -> _Start | None:
        """Return where to scan on for a window; None where nothing is left to scan."""
        stretches = self.known.stretches
        number = max((n for n, one in enumerate(stretches) if one.since <= first), default=-1)
        stretch = stretches[number] if number >= 0 else None
        limit = stretches[number + 1].first if number + 1 < len(stretches) else self._end
        known = self.known
        start = _Start(stretch.end, stretch.last, stretch) if stretch else _Start(known.head.first, known.begins)
        if start.at >= limit:
            return None
        is_little = limit - start.at <= LITTLE and limit == self._end
        if stretch and stretch.reach >= end and not is_little:
            return None
        if known.is_packed or is_little or (stretch and stretch.reach >= first):
            return start
        return self._place_before(first, start, limit)

    @property
    def _end(self) -> int:
        if not self.known.is_packed:
            return self.part.place.size
        return 2**62 if self.known.length is None else self.known.length

    def _scan(self, start: _Start) -> Block | None:
        """Scan a chunk and note what is in it; None where no whole line is left."""
        at = start.at
        following = [one.first for one in self.known.stretches if one.first > at]
        limit = min([self._end, *following])
        size = min(CHUNK, limit - at)
        data = self._read(at, size)
        if len(data) < size and not self.known.is_packed:
            raise self._changed()
        is_end = len(data) < size or at + size == limit
        is_whole = not self._content.cut and (self.known.is_packed or self.part.is_rotated)
        is_all = is_end and (bool(following) or is_whole)
        block = block_of(data, at, self._stamps, start.before, self._latest(at), is_all=is_all)
        if len(data) < size:
            self.known = replace(self.known, length=block.end, cut=self._content.cut)
        if block.end == at:
            return None
        self._note(start, block, data)
        self._recent.add(self.known.id, block)
        return block

    def _note(self, start: _Start, block: Block, data: bytes) -> None:
        known, phase = self.known, self._phase
        is_first = block.first == known.head.first
        if start.stretch:
            longer = extended(start.stretch, block, phase)
        else:
            longer = begun(block, start.before, phase, at_beginning=is_first)
        others = [one for one in known.stretches if one is not start.stretch]
        if follower := next((one for one in others if one.first == longer.end), None):
            others.remove(follower)
            longer = longer.joined(follower)
        stretches = tuple(sorted([*others, longer], key=lambda one: one.first))
        tail = known.tail
        if stretches[-1].end == block.end:
            last = int(block.starts[-1]) if len(block.starts) else block.first
            tail = Sample.of(data[last - block.first : block.end - block.first][:TAIL], last)
        self.known = replace(known, stretches=stretches, tail=tail)

    def _latest(self, at: int) -> float:
        return next((time for place, time in self.known.marks if place >= at + CHUNK), self.part.latest)

    def _place_before(self, time: int, start: _Start, high: int) -> _Start:
        """Return the beginning of a line behind which all lines from this time on are, by bisection."""
        low = start.at
        while high - low > CHUNK:
            middle = (low + high) // 2
            place, about = self._probe(middle) or (None, time)
            if place and about < time:
                low, start = middle, place
            else:
                high = middle
        return start

    def _probe(self, at: int) -> tuple[_Start, int] | None:
        """Return the first line behind a place that has a stamp, and about the latest time that lines there mean."""
        view = np.frombuffer(self._content.read(at, PROBE), np.uint8)
        starts = np.flatnonzero(view == ord("\n"))[:-1] + 1
        marks = [mark for place, mark in self.known.marks if place <= at]
        before = marks[-1] if marks else self.known.begins
        earlier, later = self._stamps.meanings(view, starts, before, self._latest(at))
        readable = np.flatnonzero(later != UNREADABLE)
        if not len(readable):
            return None
        first = readable[0]
        return _Start(at + int(starts[first]), int(earlier[first])), int(np.median(later[readable]))
