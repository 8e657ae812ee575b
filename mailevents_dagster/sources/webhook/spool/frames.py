"""Frames: requests one after the other in a file, each with its length and checksums. Pure.

A process that is killed leaves half a frame at the end, a bad disk a broken one in the middle: both are stepped over,
and every whole frame is found.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.files.json_text import NotJsonError, one_line, parse

_MARK: Final = b"\xf5mew"
"""Begins a frame. No UTF-8 text holds its first byte."""
_LENGTHS: Final = struct.Struct("<4sIII")
"""The mark, the lengths of head and body, and the checksum of both."""
_CHECKSUM: Final = struct.Struct("<I")
"""Of the lengths: a broken one is never believed."""
_HEADER: Final = _LENGTHS.size + _CHECKSUM.size


@dataclass(frozen=True, slots=True)
class Posted:
    """A request as it is kept."""

    received: float
    """Unix time."""
    type: str
    """The content type, as it was given."""
    body: bytes
    mark: str = ""
    """By what the same request is known when it is sent again; empty where the provider gives nothing of the kind."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A request, and where in its file it stands."""

    first: int
    end: int
    posted: Posted


def framed(posted: Posted) -> bytes:
    """Return a request as it stands in a file."""
    head = one_line({"received": posted.received, "type": posted.type, "mark": posted.mark})
    checksum = zlib.crc32(posted.body, zlib.crc32(head))
    lengths = _LENGTHS.pack(_MARK, len(head), len(posted.body), checksum)
    return b"".join((lengths, _CHECKSUM.pack(zlib.crc32(lengths)), head, posted.body))


def frames(content: bytes, first: int = 0) -> Iterator[Frame]:
    """Yield the whole frames from a place on."""
    at = content.find(_MARK, first)
    while at >= 0:
        frame = _frame(content, at)
        if frame:
            yield frame
        at = content.find(_MARK, frame.end if frame else at + 1)


def _frame(content: bytes, at: int) -> Frame | None:
    """Return the frame at a place; None where it is not whole."""
    header = content[at : at + _HEADER]
    if len(header) < _HEADER or _CHECKSUM.pack(zlib.crc32(header[: _LENGTHS.size])) != header[_LENGTHS.size :]:
        return None
    _, head_length, body_length, checksum = _LENGTHS.unpack(header[: _LENGTHS.size])
    middle = at + _HEADER + head_length
    end = middle + body_length
    if end > len(content) or zlib.crc32(content[at + _HEADER : end]) != checksum:
        return None
    try:
        head = parse(content[at + _HEADER : middle])
    except NotJsonError:
        return None
    if not isinstance(head, dict):
        return None
    posted = Posted(float(head["received"]), str(head["type"]), content[middle:end], str(head["mark"]))
    return Frame(at, end, posted)
