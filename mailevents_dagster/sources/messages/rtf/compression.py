"""Compressed RTF (MS-OXRTFCP) unpacked. Pure.

A reference is copied as a whole, so that a mail takes a millisecond or two; compressed-rtf takes thirty, byte by byte.
"""

from __future__ import annotations

import struct
from typing import Final

HEAD: Final = struct.Struct("<II4sI")
COMPRESSED: Final = b"LZFu"
AS_IT_IS: Final = b"MELA"
WINDOW: Final = 4096
BEGINNING: Final = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)
"""What references can point to before anything was unpacked."""


def decompressed(data: bytes, most: int | None = None) -> bytes:
    """Return the RTF, or about its first `most` bytes; ValueError where it is not compressed RTF.

    What ends too early is unpacked as far as it goes.
    """
    if len(data) < HEAD.size:
        raise ValueError("it is shorter than its head")
    _, size, kind, _ = HEAD.unpack_from(data)
    if kind == AS_IT_IS:
        return data[HEAD.size : HEAD.size + size]
    if kind != COMPRESSED:
        raise ValueError("its head names no known compression")
    return _unpacked(data, min(size, size if most is None else most))


def _unpacked(data: bytes, wanted: int) -> bytes:
    out = bytearray(BEGINNING)
    at, end, enough = HEAD.size, len(data), len(BEGINNING) + wanted
    while at < end and len(out) < enough:
        control = data[at]
        at += 1
        if control == 0:
            out += data[at : at + 8]
            at += 8
            continue
        for bit in range(8):
            if not control >> bit & 1:
                out += data[at : at + 1]
                at += 1
                continue
            if at + 2 > end:
                return bytes(out[len(BEGINNING) :])
            reference = data[at] << 8 | data[at + 1]
            at += 2
            back = (len(out) - (reference >> 4)) % WINDOW
            if back == 0:  # it points to itself, which is the end
                return bytes(out[len(BEGINNING) :])
            length = (reference & 15) + 2
            first = len(out) - back
            if first < 0:
                raise ValueError("it refers to what is not there")
            piece = out[first : first + length]
            out += piece if len(piece) == length else (piece * length)[:length]
    return bytes(out[len(BEGINNING) :])
