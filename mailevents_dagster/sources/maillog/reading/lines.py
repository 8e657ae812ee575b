"""Lines of log files, many at once: where they begin and end in their file, and their texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mailevents_dagster.sources.maillog.hour_lines import Lines
from mailevents_dagster.sources.maillog.stamps import Bytes, Rows, Stamps

PIECE: Final = 2**20
"""Longer lines become pieces of so many bytes, each a line of its own."""
_LF: Final = ord("\n")
_CR: Final = ord("\r")


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Lines that lie side by side in a file, with the blank ones among them left out."""

    first: int
    """The byte of the file at which the block begins."""
    end: int
    starts: Rows
    """The byte of the file at which each line begins."""
    ends: Rows
    """The byte behind each line and its line end."""
    lines: Lines
    not_utf8: int
    """So many lines were decoded as Latin-1."""

    @property
    def bytes_held(self) -> int:
        return int(self.lines.texts.nbytes) + 24 * len(self.starts)

    def between(self, first: int, end: int) -> Block:
        """Return the lines that begin in these bytes of the file."""
        if first <= self.first and self.end <= end:
            return self
        low, high = np.searchsorted(self.starts, [first, end])
        lines = Lines(self.lines.texts[low:high], self.lines.times[low:high])
        starts, ends = self.starts[low:high], self.ends[low:high]
        return Block(max(first, self.first), min(end, self.end), starts, ends, lines, self.not_utf8)


def block_of(data: bytes, first: int, stamps: Stamps, before: int | None, latest: float, *, is_all: bool) -> Block:
    """Return the whole lines at the beginning of these bytes, which stand in the file from `first` on.

    What follows the last line end is a line only where the file is all read. `before` and `latest` help to read times.
    """
    view = np.frombuffer(data, np.uint8)
    ends = _line_ends(view, is_all=is_all)
    length = int(ends[-1]) if len(ends) else 0
    starts = np.concatenate([[0], ends])[:-1]
    kept, lengths = _without_line_ends(view, starts, ends)
    is_line = lengths > 0
    starts, ends, lengths = starts[is_line], ends[is_line], lengths[is_line]
    texts, not_utf8 = _texts(data[:length], kept, lengths)
    times = stamps.times(view[:length], starts, before, latest) if len(starts) else np.empty(0, np.int64)
    if times is None:
        return Block(first, first, starts[:0], starts[:0], Lines(texts[:0], starts[:0]), 0)
    return Block(first, first + length, starts + first, ends + first, Lines(texts, times), not_utf8)


def _line_ends(data: Bytes, *, is_all: bool) -> Rows:
    """Return where lines end: behind line ends, behind each piece of a long line, and at the end where that is all."""
    ends = np.flatnonzero(data == _LF) + 1
    borders = np.concatenate([[0], ends, [len(data)]])
    contents = np.diff(borders) - 1
    contents[-1] += 1
    cuts: list[int] = []
    for row in np.flatnonzero(contents > PIECE):
        at, end = int(borders[row]), int(borders[row] + contents[row])
        while end - at > PIECE:
            at = _between_letters(data, at + PIECE)
            cuts.append(at)
    if cuts:
        ends = np.sort(np.concatenate([ends, np.array(cuts, np.int64)]))
    if is_all and len(data) and (not len(ends) or ends[-1] < len(data)):
        ends = np.append(ends, len(data))
    return ends


def _between_letters(data: Bytes, at: int) -> int:
    """Return this place, or the one up to three bytes before it that cuts no letter of UTF-8 into two."""
    return next((cut for cut in range(at, at - 4, -1) if data[cut] & 0xC0 != 0x80), at)


def _without_line_ends(data: Bytes, starts: Rows, ends: Rows) -> tuple[bytes, Rows]:
    """Return the texts of lines one behind the other, and the length of each."""
    if not len(ends):
        return b"", ends
    has_lf = data[ends - 1] == _LF
    has_cr = has_lf & (ends - 2 >= starts) & (data[ends - 2] == _CR)
    keep = np.ones(int(ends[-1]), bool)
    keep[ends[has_lf] - 1] = False
    keep[ends[has_cr] - 2] = False
    return data[: len(keep)][keep].tobytes(), ends - starts - has_lf - has_cr


def _texts(data: bytes, kept: bytes, lengths: Rows) -> tuple[pa.StringArray, int]:
    """Return the texts of lines and how many of them are no UTF-8; `data` is what they were in, with line ends."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(kept)]
    try:
        data.decode()
    except UnicodeDecodeError:
        texts = pa.Array.from_buffers(pa.binary(), len(lengths), buffers)
        return _as_latin1(texts, _with_high_bytes(kept, offsets))
    return pa.Array.from_buffers(pa.string(), len(lengths), buffers), 0


def _with_high_bytes(kept: bytes, offsets: NDArray[np.int32]) -> Rows:
    high = np.flatnonzero(np.frombuffer(kept, np.uint8) >= 0x80)
    return np.unique(np.searchsorted(offsets, high, "right") - 1)


def _as_latin1(texts: pa.BinaryArray, suspects: Rows) -> tuple[pa.StringArray, int]:
    wrong, mended = np.zeros(len(texts), bool), []
    for row in suspects:
        raw = texts[int(row)].as_py()
        try:
            raw.decode()
        except UnicodeDecodeError:
            wrong[row] = True
            mended.append(raw.decode("latin-1").encode())
    texts = pc.replace_with_mask(texts, pa.array(wrong), pa.array(mended, pa.binary()))
    return texts.cast(pa.string()), len(mended)
