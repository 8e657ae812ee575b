"""Exim's pieces: a line that is too long for syslog comes as `[1/3] …`, `[2\\3] …`, `[3/3] …` of one process.

The sign between the numbers tells where a piece ends: `/` in the middle of a line, `\\` at a line end.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

_MARK: Final = r": \[\d+[/\\]\d+\] "
_PIECE: Final = re.compile(
    r"(?:^|\s)(?P<by>\S+): \[(?P<number>\d+)(?P<end>[/\\])(?P<of>\d+)\] (?P<text>.*)$", re.DOTALL
)


@dataclass(slots=True)
class Joined:
    """What follows a first piece, and where its pieces lie."""

    text: str = ""
    """All that follows the first piece."""
    rows: list[int] = field(default_factory=list)


@dataclass(slots=True)
class _Open:
    first: int
    next: int
    of: int
    end: str


def joined_pieces(raw: pa.Array) -> dict[int, Joined]:
    """Return what follows each line that is a first piece, by its place."""
    rows = pc.indices_nonzero(pc.match_substring_regex(raw, _MARK)).to_pylist()
    found: dict[int, Joined] = {}
    waiting: dict[str, _Open] = {}
    for row in rows:
        piece = _PIECE.search(raw[row].as_py())
        if not piece:
            continue
        number, by, of = int(piece["number"]), piece["by"], int(piece["of"])
        before = waiting.pop(by, None)
        if number == 1:
            waiting[by] = _Open(row, 2, of, piece["end"])
            found[row] = Joined()
        elif before and (number, of) == (before.next, before.of):
            joined = found[before.first]
            joined.text += ("\n" if before.end == "\\" else "") + piece["text"]
            joined.rows.append(row)
            waiting[by] = _Open(before.first, number + 1, of, piece["end"])
    return found
