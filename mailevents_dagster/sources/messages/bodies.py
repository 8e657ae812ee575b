"""The texts of a message, of which so much is kept as people read."""

from __future__ import annotations

import re
from typing import Final

from mailevents_dagster.sources.messages.charsets import charset, text_of
from mailevents_dagster.sources.messages.faults import Faults

MOST: Final = 2**20
"""Bytes of a text that are kept: as many of what comes, and as many of UTF-8."""
_LINE_END: Final = re.compile(r"\r\n?")
_META: Final = re.compile(rb"<meta\b[^>]{0,500}?\bcharset\s*=\s*[\"']?\s*([\w.:-]{1,40})", re.IGNORECASE)


class Text:
    """A text of the message, plain or HTML, made of all parts that belong to it."""

    def __init__(self, name: str, faults: Faults, most: int = MOST) -> None:
        self._name = name
        self._faults = faults
        self._pieces: list[str] = []
        self._most = self._room = most

    @property
    def value(self) -> str | None:
        """The text, or None where no part belongs to it."""
        return "\n".join(self._pieces) if self._pieces else None

    def part(self, declared: str | None) -> TextPart:
        """Return what takes the content of a part that declares this charset, or none."""
        return TextPart(self, declared, self._room)

    def add(self, data: bytes, declared: str | None = None, *, is_cut: bool = False) -> None:
        """Add the bytes of a part; not all of them where they were cut."""
        if declared and charset(declared) is None:
            self._faults.add(f"the {self._name} declares a charset that is not known")
        if not declared and (found := _META.search(data, 0, 2_000)):
            declared = found[1].decode("ascii", "replace")
        text, is_declared = text_of(data, declared, is_cut=is_cut)
        if not is_declared:
            self._faults.add(f"the {self._name} is not in the charset that it declares")
        self.add_text(text, is_cut=is_cut)

    def add_text(self, text: str, *, is_cut: bool = False) -> None:
        """Add text, as much as there is room for."""
        encoded = _LINE_END.sub("\n", text).encode()
        if is_cut or len(encoded) > self._room:
            self._faults.add(f"the {self._name} is longer than {self._most:,} bytes: its end is left out")
        if self._room or not self._pieces:
            self._pieces.append(encoded[: self._room].decode(errors="ignore"))
        self._room -= min(len(encoded) + 1, self._room)


class TextPart:
    """Takes the content of a part that is text."""

    def __init__(self, text: Text, declared: str | None, room: int) -> None:
        self._text = text
        self._declared = declared
        self._room = room
        self._data = bytearray()
        self._is_cut = False

    def write(self, data: bytes, /) -> None:
        left = self._room - len(self._data)
        self._data += data[:left]
        self._is_cut = self._is_cut or len(data) > left

    def close(self) -> None:
        self._text.add(bytes(self._data), self._declared, is_cut=self._is_cut)
