"""What is known of log files: by what each is told again, and which times lie where in it.

The index saves reading and proves nothing: a lost or damaged one is made anew from the files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from mailevents_dagster.files.checksummed import read_value, show_sealed
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.locks import holding
from mailevents_dagster.sources.maillog.reading.lines import Block

VERSION: Final = 1
HOUR: Final = 3600
JOINED_AFTER: Final = 6 * HOUR
"""Spans stay as they were scanned for so long: what comes late is then read without what lies before it."""
MOST_TURNS: Final = 64
"""With more changes of the hour in one block, lines of several servers are mixed, and its spans are cut by size."""
ENOUGH: Final = 64
"""So many lines say what time a block is from, though a few of them were written by a wrong clock."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Some bytes of a file by which it is told that it still is the same."""

    first: int
    end: int
    digest: str

    @classmethod
    def of(cls, data: bytes, first: int) -> Self:
        return cls(first, first + len(data), digest_of(data))


@dataclass(frozen=True, slots=True)
class Span:
    """Lines that lie side by side and are mostly of one hour."""

    first: int
    end: int
    before: int
    """The time of the line before; where none was scanned, that of its first line."""
    least: int
    greatest: int

    def meets(self, first: int, end: int) -> bool:
        return self.least < end and self.greatest >= first


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a file that was scanned without a break."""

    first: int
    end: int
    since: int
    """About when it begins; zero where its file does."""
    reach: int
    """Nearly all lines behind it are later."""
    last: int
    """The time of its last line."""
    spans: tuple[Span, ...]

    def joined(self, other: Stretch) -> Stretch:
        """Return this stretch with the one that begins where it ends."""
        return Stretch(self.first, other.end, self.since, other.reach, other.last, (*self.spans, *other.spans))


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A log file, whatever its name is now."""

    id: str
    log: str
    """Its name less what rotation adds."""
    name: str
    """The path at which it was seen last."""
    begins: int
    """The time of its first line."""
    head: Sample
    """From the first byte of the first line on."""
    is_packed: bool = False
    tail: Sample | None = None
    """Of the last line that was scanned: mostly with its time, which no other line at this place has."""
    stretches: tuple[Stretch, ...] = ()
    quiet_since: int | None = None
    """When it was changed last, if it was scanned to its end later than that; what packs it keeps that time."""
    marks: tuple[tuple[int, int], ...] = ()
    """Places and their times, for a file whose stamps have no year."""
    length: int | None = None
    """The length of a packed file's content, once it was read to its end."""
    cut: str = ""
    """Why a packed file ends too early."""
    lost_by: int | None = None
    """When it was found truncated, or copied before that (copytruncate), or removed: its last lines may be lost."""
    is_rewritten: bool = False
    """It no longer has what was read from it: places in it say nothing."""

    @property
    def until(self) -> int:
        """Return the time of the last line that was scanned."""
        return max((stretch.last for stretch in self.stretches), default=self.begins)

    def is_scanned_to_end(self, size: int) -> bool:
        """Return whether its last line was scanned; it has so many bytes, unless it is packed."""
        end = self.length if self.is_packed else size
        return bool(self.stretches) and end is not None and self.stretches[-1].end >= end

    def spans(self, first: int, end: int) -> list[Span]:
        """Return what was scanned and may hold lines of a window."""
        return [span for stretch in self.stretches for span in stretch.spans if span.meets(first, end)]


@dataclass(frozen=True, slots=True)
class Seen:
    """A path as it was looked at; while that stays the same, the file is not opened."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int
    file: str
    """The id of the file; empty where it has no line yet."""
    is_packed: bool
    before: str = ""
    """The id of the file that was here before, until a line shows which one is now."""


@dataclass(slots=True)
class Index:
    """What is known of the files of a server."""

    zone: str
    files: dict[str, KnownFile] = field(default_factory=dict)
    seen: tuple[Seen, ...] = ()
    renamed: frozenset[str] = frozenset()
    """Logs that rotation renames: there, an inode number that comes again is that of a new file."""
    copied: frozenset[str] = frozenset()
    """Logs that rotation copies and truncates: there, what has a rotated name when it is first seen is a copy."""


def digest_of(data: bytes) -> str:
    return blake2b(data, digest_size=16).hexdigest()


def begun(block: Block, before: int, phase: int, *, at_beginning: bool) -> Stretch:
    """Return the stretch that a block begins; hours begin at this second of 3,600."""
    times = block.lines.times
    since = 0 if at_beginning else int(np.median(times[:15]))
    return Stretch(block.first, block.end, since, _reach(block, since), int(times[-1]), _spans(block, before, phase))


def extended(stretch: Stretch, block: Block, phase: int) -> Stretch:
    """Return the stretch with a block more."""
    if not len(block.lines):
        return replace(stretch, end=block.end)
    spans = (*stretch.spans, *_spans(block, stretch.last, phase))
    last = int(block.lines.times[-1])
    return Stretch(stretch.first, block.end, stretch.since, _reach(block, stretch.reach), last, spans)


def _reach(block: Block, otherwise: int) -> int:
    return int(np.quantile(block.lines.times, 0.1)) if len(block.lines) >= ENOUGH else otherwise


def _spans(block: Block, before: int, phase: int) -> tuple[Span, ...]:
    """Return the spans of a block, cut where the hour changes."""
    times = block.lines.times
    turns = np.flatnonzero(np.diff((times - phase) // HOUR)) + 1
    if len(turns) > MOST_TURNS:
        turns = np.arange(1, MOST_TURNS) * len(times) // MOST_TURNS
    rows = [0, *turns.tolist(), len(times)]
    spans = []
    for low, high in pairwise(rows):
        first, end = int(block.starts[low]), int(block.ends[high - 1])
        spans.append(Span(first, end, before, int(times[low:high].min()), int(times[low:high].max())))
        before = int(times[high - 1])
    return tuple(spans)


def rewritten(file: KnownFile) -> KnownFile:
    """Return a file that no longer holds what was read from it."""
    return replace(file, tail=None, stretches=(), quiet_since=None, is_rewritten=True)


def settled(file: KnownFile, phase: int) -> KnownFile:
    """Return the file with spans joined that are of one hour and lie side by side, unless more of it may still come."""
    joined = [_joined(one.spans, one.last - JOINED_AFTER, phase) for one in file.stretches]
    if [len(spans) for spans in joined] == [len(one.spans) for one in file.stretches]:
        return file
    pairs = zip(file.stretches, joined, strict=True)
    return replace(file, stretches=tuple(replace(one, spans=spans) for one, spans in pairs))


def _joined(spans: Sequence[Span], until: int, phase: int) -> tuple[Span, ...]:
    joined: list[Span] = []
    for span in spans:
        last = joined[-1] if joined else span
        hours = {(time - phase) // HOUR for one in (last, span) for time in (one.least, one.greatest)}
        if last.end == span.first and len(hours) == 1 and span.greatest < until:
            least, greatest = min(last.least, span.least), max(last.greatest, span.greatest)
            joined[-1] = Span(last.first, span.end, last.before, least, greatest)
        else:
            joined.append(span)
    return tuple(joined)


def load_index(path: Path, zone: str) -> tuple[Index, str]:
    """Return the index, and what was wrong with it: then it is made anew, as it is where the time zone changed."""
    try:
        content = read_value(path, _content_of, "is not an index of log files")
    except DamagedError as error:
        return Index(zone), f"{error}. It is made anew from the files."
    return (content, "") if content and content.zone == zone else (Index(zone), "")


def save_index(path: Path, index: Index) -> None:
    """Write the index; of two processes that do, the last one wins."""
    with holding(path.with_suffix(".lock")):
        files = [_as_json(file) for file in index.files.values()]
        seen = [asdict(one) for one in index.seen]
        content = {"version": VERSION, "zone": index.zone, "files": files, "seen": seen}
        show_sealed(path, {**content, "renamed": sorted(index.renamed), "copied": sorted(index.copied)})


def _content_of(content: Mapping[str, Any]) -> Index:
    if content["version"] != VERSION:
        raise ValueError("another version wrote it")
    files = [_file_of(file) for file in content["files"]]
    seen = tuple(Seen(**one) for one in content["seen"])
    known = {file.id: file for file in files}
    return Index(content["zone"], known, seen, frozenset(content["renamed"]), frozenset(content["copied"]))


def _as_json(file: KnownFile) -> dict[str, object]:
    """Return what `_file_of` reads. The many spans go without their names, which would take 20 times as long."""
    bare = asdict(replace(file, stretches=()))
    stretches = [
        asdict(replace(one, spans=())) | {"spans": [_values(span) for span in one.spans]} for one in file.stretches
    ]
    return bare | {"stretches": stretches}


def _values(span: Span) -> tuple[int, ...]:
    return span.first, span.end, span.before, span.least, span.greatest


def _file_of(file: Mapping[str, Any]) -> KnownFile:
    stretches = tuple(
        Stretch(**{**stretch, "spans": tuple(Span(*values) for values in stretch["spans"])})
        for stretch in file["stretches"]
    )
    tail = Sample(**file["tail"]) if file["tail"] else None
    marks = tuple((at, time) for at, time in file["marks"])
    return KnownFile(**{**file, "head": Sample(**file["head"]), "tail": tail, "stretches": stretches, "marks": marks})
