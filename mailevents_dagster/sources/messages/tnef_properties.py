"""MAPI properties as TNEF writes them ([MS-OXTNEF] 2.1.3.4): where each value lies in the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

_SEVERAL_VALUES: Final = 0x1000
_NAMED: Final = 0x8000
_FIXED: Final = {
    0x0001: 0,
    0x0002: 2,
    0x0003: 4,
    0x0004: 4,
    0x0005: 8,
    0x0006: 8,
    0x0007: 8,
    0x000A: 4,
    0x000B: 2,
    0x0014: 8,
    0x0040: 8,
    0x0048: 16,
}
"""Lengths of values by the type of the property."""
OBJECT: Final = 0x000D
STRING: Final = 0x001E
UNICODE: Final = 0x001F
BINARY: Final = 0x0102
_VARIABLE: Final = (OBJECT, STRING, UNICODE, BINARY)
INTERFACE: Final = 16
"""Bytes before the value of an object that say what it is."""


class DamagedError(ValueError):
    """A file is no TNEF, or not a whole one."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of the file, of a value of this type."""

    start: int
    length: int
    type: int = BINARY


class Steps:
    """What is left of the work that a file may cost."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self) -> None:
        self._left -= 1
        if self._left < 0:
            raise DamagedError("it has more properties than any message has")


class Reader:
    """Reads numbers from a stretch of a file, and nothing behind its end."""

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self._file = file
        self.at = start
        self.end = end

    def number(self, length: int) -> int:
        self.skip(length)
        self._file.seek(self.at - length)
        return int.from_bytes(self._file.read(length), "little")

    def skip(self, length: int) -> int:
        """Go on by so many bytes and return where they begin."""
        start = self.at
        if start + length > self.end:
            raise DamagedError("it ends too early")
        self.at += length
        return start


def properties(reader: Reader, steps: Steps) -> dict[int, Stretch]:
    """Return the first value of each property by its id, without those that have names of their own."""
    found: dict[int, Stretch] = {}
    for _ in range(reader.number(4)):
        type_, id_ = reader.number(2), reader.number(2)
        if id_ >= _NAMED:
            _skip_name(reader)
        for value in _values(reader, type_, steps):
            if id_ < _NAMED:
                found.setdefault(id_, value)
    return found


def _skip_name(reader: Reader) -> None:
    reader.skip(16)
    if reader.number(4) == 0:
        reader.skip(4)
    else:
        reader.skip(_padded(reader.number(4)))


def _values(reader: Reader, type_: int, steps: Steps) -> Iterator[Stretch]:
    has_several = bool(type_ & _SEVERAL_VALUES)
    type_ &= ~_SEVERAL_VALUES
    if type_ not in _FIXED and type_ not in _VARIABLE:
        raise DamagedError("it has a property of a type that is not known")
    count = reader.number(4) if has_several or type_ in _VARIABLE else 1
    for _ in range(count):
        steps.take()
        length = reader.number(4) if type_ in _VARIABLE else _FIXED[type_]
        yield Stretch(reader.at, length, type_)
        reader.skip(_padded(length))
    if not count:
        steps.take()


def _padded(length: int) -> int:
    return (length + 3) & ~3
