"""The header of a message or a part, as its bytes stand there."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.lines import Lines

_MOST: Final = 2**18
"""Bytes of a header that are kept."""
_LONGEST: Final = 2**16
"""Bytes of one field that are kept."""
_FIELD: Final = re.compile(rb"([\x21-\x39\x3b-\x7e\x80-\xff]{1,200})[ \t]*:")
_INDENTED: Final = (b" ", b"\t")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Head:
    """The fields of a header: names as they are, and raw values, unfolded."""

    def __init__(self, fields: Iterable[tuple[str, bytes]]) -> None:
        self.fields = tuple(fields)
        self._values: dict[str, list[bytes]] = {}
        for name, value in self.fields:
            self._values.setdefault(name.lower(), []).append(value)

    def first(self, name: str) -> bytes | None:
        """Return the value of the first field of a name, which is given in small letters."""
        return next(iter(self.all(name)), None)

    def all(self, name: str) -> Sequence[bytes]:
        """Return the values of all fields of a name, which is given in small letters."""
        return self._values.get(name, ())


def skip_envelope(lines: Lines, faults: Faults) -> None:
    """Leave out what may stand before the header of a message: a mark of UTF-8, blank lines, the From of a file."""
    if lines.peek().startswith(_BYTE_ORDER_MARK):
        faults.add("a byte order mark stands before the header")
        lines.skip(len(_BYTE_ORDER_MARK))
    if lines.skip_blank():
        faults.add("blank lines stand before the header")
    if lines.peek().startswith((b"From ", b">From ")):
        _whole_line(lines)


def read_head(lines: Lines, is_boundary: Callable[[bytes], bool], faults: Faults) -> Head:
    """Return the header and stop behind it. It ends at a blank line, or where no field can be seen."""
    fields: list[tuple[str, list[bytes]]] = []
    room = _MOST
    while (line := lines.peek()) and not _ends_head(line, lines, is_boundary, faults, has_fields=bool(fields)):
        found = _FIELD.match(line)
        content = _whole_line(lines)
        room -= len(content)
        if room < 0:
            faults.add("a header is too long: its end is left out")
            lines.skip_to_blank()
            break
        if fields and line.startswith(_INDENTED):
            fields[-1][1].append(content)
        elif found:
            fields.append((found[1].decode("latin-1"), [content[found.end() :]]))
        else:
            faults.add("a line in a header is no field: it is left out")
    return Head((name, b"".join(pieces)[:_LONGEST]) for name, pieces in fields)


def _ends_head(
    line: bytes, lines: Lines, is_boundary: Callable[[bytes], bool], faults: Faults, *, has_fields: bool
) -> bool:
    """Return whether the header is over; a blank line that ends it is left behind.

    A blank line with spaces folds a field where fields go on behind it. A line that is no field ends the header, unless
    there is a field behind it.
    """
    is_blank = not line.strip()
    if is_blank and not line.strip(b"\r\n"):
        lines.line()
        return True
    if is_boundary(line):
        faults.add("a header ends without a blank line")
        return True
    if not is_blank and (_FIELD.match(line) or (has_fields and line.startswith(_INDENTED))):
        return False
    following = lines.peek_next()
    if _FIELD.match(following) or (has_fields and following.startswith(_INDENTED)):
        return False
    if is_blank:
        lines.line()
    else:
        faults.add("a header ends without a blank line" if has_fields else "a header is missing")
    return True


def _whole_line(lines: Lines) -> bytes:
    """Return the next line without its end; of a long one its first piece."""
    first = piece = lines.line()
    while piece and not piece.endswith(lines.end):
        piece = lines.line()
    return first.rstrip(b"\r\n")
