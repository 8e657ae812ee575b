"""The bytes of a message as lines and blocks, of which no more is held than a few pieces."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

WINDOW: Final = 2**16
"""Bytes that are looked at together; a longer line comes in pieces."""
LONGEST_MARK: Final = 1_000


class Lines:
    """Chunks of any length, read line by line or in blocks.

    Lines end with LF. In a message whose beginning has CR alone they end with CR.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self.size = 0
        self._chunks = iter(chunks)
        self._buffer = b""
        self._at = 0
        self._is_exhausted = False
        self._is_at_start = True
        self._fill()
        self.end = b"\n" if b"\n" in self._buffer or b"\r" not in self._buffer else b"\r"

    def line(self) -> bytes:
        """Return the next line with its end, or a piece of a long one; nothing at the end of the message."""
        return self._take(self._line_end())

    def peek(self) -> bytes:
        """Return what `line` will return."""
        end = self._line_end()
        return self._buffer[self._at : end]

    def peek_next(self) -> bytes:
        """Return the line after the next one, as far as it is at hand."""
        first = self._line_end()
        end = self._buffer.find(self.end, first)
        return self._buffer[first : end + 1 or len(self._buffer)]

    def skip(self, count: int) -> None:
        """Leave out bytes that `peek` has shown."""
        self._take(self._at + count)

    def skip_blank(self) -> bool:
        """Leave out blank lines and return whether there were any."""
        was_blank = False
        while True:
            self._fill()
            held = len(self._buffer) - self._at
            blank = held - len(self._buffer[self._at :].lstrip(b" \t\r\n"))
            end = self._buffer.rfind(self.end, self._at, self._at + blank) + 1
            if end <= self._at:
                return was_blank
            self._take(end)
            was_blank = True

    def block(self, marks: tuple[bytes, ...]) -> bytes:
        """Return bytes before the next line that begins with one of these marks; nothing where it is the next line.

        Each mark begins with two dashes.
        """
        self._fill()
        if self._is_at_start and self._buffer.startswith(marks, self._at):
            return b""
        # So much at the end may be the beginning of a mark.
        last = len(self._buffer) if self._is_exhausted else len(self._buffer) - LONGEST_MARK
        found = self._buffer.find(self.end + b"--", self._at, last) if marks else -1
        while found >= 0 and not self._buffer.startswith(marks, found + 1):
            found = self._buffer.find(self.end + b"--", found + 1, last)
        return self._take(found + 1 if found >= 0 else last)

    def skip_to_blank(self) -> None:
        """Leave out all lines to the next blank one, and that."""
        twice = re.compile(self.end + rb"\r?" + self.end)
        while not (found := twice.search(self._buffer, self._at)) and not self._is_exhausted:
            self._take(len(self._buffer) - 2)
            self._fill()
        self._take(found.end() if found else len(self._buffer))

    def drain(self) -> None:
        """Read the rest and forget it."""
        while self._take(len(self._buffer)):
            self._fill()

    def _line_end(self) -> int:
        self._fill()
        found = self._buffer.find(self.end, self._at, self._at + WINDOW)
        return found + 1 or min(self._at + WINDOW, len(self._buffer))

    def _take(self, end: int) -> bytes:
        taken = self._buffer[self._at : end]
        if taken:
            self._is_at_start = taken.endswith(self.end)
            self._at = end
        return taken

    def _fill(self) -> None:
        """Have two windows at hand where the message is that long."""
        held = len(self._buffer) - self._at
        if held >= 2 * WINDOW or self._is_exhausted:
            return
        pieces = [self._buffer[self._at :]]
        while held < 2 * WINDOW:
            piece = next(self._chunks, None)
            if piece is None:
                self._is_exhausted = True
                break
            pieces.append(piece)
            held += len(piece)
            self.size += len(piece)
        self._buffer = b"".join(pieces)
        self._at = 0
