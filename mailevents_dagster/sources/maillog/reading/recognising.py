"""By what a log file is known again: its content, since rotation changes names and inode numbers come again."""

from __future__ import annotations

from typing import Final

import numpy as np

from mailevents_dagster.sources.maillog.reading.content import Content
from mailevents_dagster.sources.maillog.reading.index import KnownFile, Sample, digest_of
from mailevents_dagster.sources.maillog.reading.lines import PIECE, Block, block_of
from mailevents_dagster.sources.maillog.stamps import UNREADABLE, Stamps, is_without_year

SAMPLE: Final = 256
_FIRST_READ: Final = 2**10
_BLANK: Final = b"\0\r\n"
_MARKS: Final = 16
"""So many places of a file without years are looked at: it may be older than a year."""
_MARKED_FROM: Final = 2**16
_PROBE: Final = 2**11


def recognise(
    content: Content, path: str, log: str, stamps: Stamps, latest: float, *, size: int, is_rotated: bool
) -> KnownFile | None:
    """Return the file that this is; None as long as no line of it begins with a time.

    It is known by its lines up to the first that begins with a time. Zeros at the beginning are skipped: who does not
    append writes on behind them after a truncation.
    """
    first = _first_byte(content)
    found = _first_lines(content, first, stamps, latest, is_rotated=is_rotated)
    if found is None:
        return None
    block, head = found
    texts = "\n".join(block.lines.texts.to_pylist())
    begins = int(block.lines.times[0])
    marks: tuple[tuple[int, int], ...] = ()
    if size > _MARKED_FROM and not content.is_packed and is_without_year(texts.rpartition("\n")[2]):
        marks = _marks(content, first, size, stamps, latest)
        begins = _begins(block, content, stamps, marks) if marks else begins
    id_ = f"{log}:{digest_of(texts.encode())}"
    return KnownFile(id_, log, path, begins, Sample.of(head, first), content.is_packed, marks=marks)


def is_hopeless(content: Content, *, is_rotated: bool) -> bool:
    """Return whether a file in which no line begins with a time holds whole lines, is damaged, or is all zeros."""
    text = content.read(_first_byte(content), PIECE)
    return bool(content.cut) or b"\n" in text or (is_rotated and text != b"") or b"\0" in content.read(0, _FIRST_READ)


def _first_byte(content: Content) -> int:
    """Return where the first line begins, behind zeros and blank lines."""
    at, size = content.text_at(0), _FIRST_READ
    while data := content.read(at, size):
        if text := data.lstrip(_BLANK):
            return at + len(data) - len(text)
        at, size = at + len(data), PIECE
    return at


def _first_lines(
    content: Content, first: int, stamps: Stamps, latest: float, *, is_rotated: bool
) -> tuple[Block, bytes] | None:
    """Return the lines up to the first that begins with a time, and a sample of them: of what was read at once.

    Between two looks the file may be truncated and written anew.
    """
    size = _FIRST_READ
    while True:
        data = content.read(first, size)
        is_all = len(data) < size and is_rotated and not content.cut
        block = block_of(data, first, stamps, None, latest, is_all=is_all)
        if len(block.lines):
            view = np.frombuffer(data, np.uint8)
            earlier, _ = stamps.meanings(view, block.starts - first, None, latest)
            row = int(np.argmax(earlier != UNREADABLE))
            end = int(block.ends[row])
            return block.between(first, end), data[: min(SAMPLE, end - first)]
        if len(data) < size or size > 2 * PIECE:
            return None
        size *= 8


def _marks(content: Content, first: int, size: int, stamps: Stamps, latest: float) -> tuple[tuple[int, int], ...]:
    """Return places of a file and their times, found from its end backwards: the year is that of what follows."""
    marks: list[tuple[int, int]] = []
    for number in range(_MARKS - 1, 0, -1):
        at = first + (size - first) * number // _MARKS
        view = np.frombuffer(content.read(at, _PROBE), np.uint8)
        starts = np.flatnonzero(view == ord("\n"))[:-1] + 1
        times, _ = stamps.meanings(view, starts, None, latest)
        readable = times[times != UNREADABLE]
        if len(readable):
            latest = float(np.median(readable))
            marks.append((at, int(latest)))
    return tuple(reversed(marks))


def _begins(block: Block, content: Content, stamps: Stamps, marks: tuple[tuple[int, int], ...]) -> int:
    data = np.frombuffer(content.read(block.first, block.end - block.first), np.uint8)
    times = stamps.times(data, block.starts - block.first, None, marks[0][1])
    return int(block.lines.times[0] if times is None else times[0])


def is_as_before(content: Content, *samples: Sample | None) -> bool:
    """Return whether these bytes of a file are what they were."""
    return all(
        one is None or Sample.of(content.read(one.first, one.end - one.first), one.first) == one for one in samples
    )
