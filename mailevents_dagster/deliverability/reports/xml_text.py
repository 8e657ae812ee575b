"""The text of an XML file, block by block: its charset found, and what no parser takes mended."""

from __future__ import annotations

import codecs
import re
import sys
from collections.abc import Iterator
from typing import IO, Final

from mailevents_dagster.sources.messages.charsets import MARKS
from mailevents_dagster.sources.messages.charsets import charset as charset_of

_BLOCK: Final = 2**18
_DECLARED: Final = re.compile(rb"""<\?xml[^>]{0,200}?encoding\s*=\s*["']([\w.:-]{1,40})["']""", re.IGNORECASE)
_BEGINNINGS: Final = (
    *MARKS,
    (b"<\0\0\0", "utf-32-le"),
    (b"\0\0\0<", "utf-32-be"),
    (b"<\0", "utf-16-le"),
    (b"\0<", "utf-16-be"),
)
_NO_XML: Final = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF], "\ufffd")
"""Characters that no XML may hold."""
_BARE: Final = re.compile(r"&(?!(?:amp|lt|gt|quot|apos|#\d{1,7}|#[xX][0-9A-Fa-f]{1,6});)")
_NUMBERED: Final = re.compile(r"&#(?:(\d{1,7})|[xX]([0-9A-Fa-f]{1,6}));")
_LONELY: Final = re.compile(r"<(?![^\W\d]|[:/!?])")
"""What begins no tag."""
_SEAM: Final = re.compile(r"(?:&[^&]{0,10}|<)\Z")
"""What may go on in the next block."""
_DECLARATION: Final = re.compile(r"<\?xml\s")
_ROOT: Final = re.compile(r"<(?:[\w.-]{1,40}:)?feedback\b")
_SCHEMA: Final = re.compile(r"</?(?:[\w.-]{1,40}:)?schema\b[^<>]*>")
"""Some begin one around what is no schema, and do not end it."""
_NO_WRAPPER: Final = re.compile(r"<\?.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>", re.DOTALL)
"""What may stand before the root."""
_MOST_JUNK: Final = 10_000
_UNDECODABLE: Final = "characters that its charset does not have are replaced"


class XmlText:
    """The text of a stream; each time it is read it begins anew."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self.faults: dict[str, None] = {}
        """What was mended, each said once."""
        self.names_root = False
        """Whether the root of a report stands near its beginning."""

    def blocks(self) -> Iterator[str]:
        """Yield the text from its first `<` on, as it stands there."""
        self._stream.seek(0)
        data = self._stream.read(_BLOCK)
        charset = self._charset(data)
        decoder = codecs.getincrementaldecoder(charset)("replace")
        at_start = True
        while data:
            text = decoder.decode(data)
            if "\ufffd" in text:
                self.faults[_UNDECODABLE] = None
            if at_start:
                text = self._without_junk(text)
                at_start = not text
                self.names_root = _ROOT.search(text, 0, _MOST_JUNK) is not None
            if text:
                yield text
            data = self._stream.read(_BLOCK)
        if rest := decoder.decode(b"", final=True):
            yield rest

    def mended_blocks(self) -> Iterator[str]:
        """Yield the text with control characters replaced, and `&` and `<` as text where they begin nothing.

        An element that the report stands in, such as a schema, is left out.
        """
        held = ""
        at_start = True
        for block in self.blocks():
            text = held + (self._unwrapped(block) if at_start else block)
            at_start = False
            seam = _SEAM.search(text, max(0, len(text) - 20))
            held = seam[0] if seam else ""
            yield self._mended(text[: len(text) - len(held)])
        yield self._mended(held)

    def _unwrapped(self, text: str) -> str:
        root = _ROOT.search(text, 0, _MOST_JUNK)
        if root is None or not _NO_WRAPPER.sub("", text[: root.start()]).strip():
            return text
        self.faults["it stands in another element"] = None
        return text[root.start() :]

    def _mended(self, text: str) -> str:
        whole = _SCHEMA.sub("", text)
        if whole != text:
            self.faults["tags of a schema stand in it"] = None
        mended = _NUMBERED.sub(_allowed, whole.translate(_NO_XML))
        if mended != whole:
            self.faults["control characters are replaced"] = None
        escaped = _BARE.sub("&amp;", mended)
        if escaped != mended:
            self.faults["`&` stands where `&amp;` should"] = None
        if _LONELY.search(escaped):
            self.faults["`<` stands where `&lt;` should"] = None
        return _LONELY.sub("&lt;", escaped)

    def _charset(self, head: bytes) -> str:
        for beginning, charset in _BEGINNINGS:
            if head.startswith(beginning):
                return charset
        declared = _DECLARED.search(head, 0, 1_000)
        if declared is None:
            return "utf-8"
        known = charset_of(declared[1].decode("ascii"))
        if known is None:
            self.faults["its charset is not known: read as UTF-8"] = None
        # The declaration was read as single bytes: the text cannot be of a charset that has two for each.
        return "utf-8" if known is None or known.startswith(("utf-16", "utf-32")) else known

    def _without_junk(self, text: str) -> str:
        root = _ROOT.search(text, 0, _MOST_JUNK)
        before_root = root.start() if root else _MOST_JUNK
        declarations = [found.start() for found in _DECLARATION.finditer(text, 0, before_root)]
        start = declarations[-1] if declarations else text.find("<")
        if text[: max(start, 0)].strip("\ufeff \t\r\n"):
            self.faults["something stands before its beginning"] = None
        return text[start:] if start >= 0 else ""


def _allowed(numbered: re.Match[str]) -> str:
    """Return a character that is told by its number, or what stands for one that no XML may hold."""
    number = int(numbered[1]) if numbered[1] else int(numbered[2], 16)
    is_allowed = number not in _NO_XML and number <= sys.maxunicode
    return numbered[0] if is_allowed else _NO_XML[0]
