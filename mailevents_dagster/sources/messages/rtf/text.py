"""RTF as Outlook keeps it: the HTML or plain text that it packs into it (MS-OXRTFEX), or its own text. Pure.

One pass over the text. RTFDE does it with a grammar, which takes 60 ms for a mail of one line, and striprtf takes half
a second for one with a picture; old stores have RTF in nearly every mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from typing import Final

from mailevents_dagster.sources.messages.codepages import decoded

_TOKEN: Final = re.compile(
    rb"\\(?P<word>[A-Za-z]{1,32})(?P<number>-?[0-9]{1,10})? ?|\\'(?P<hex>[0-9A-Fa-f]{2})|\\(?P<sign>[^A-Za-z])"
    rb"|(?P<brace>[{}])|(?P<text>[^\\{}\r\n]+)",
    re.DOTALL,
)
_PACKED: Final = re.compile(rb"\\from(html|text)")
NEAR: Final = 1024
"""Bytes from the beginning in which RTF says that it holds another form."""
_FONT: Final = re.compile(rb"\\f([0-9]{1,5})(?![0-9])[^;{}]{0,200}?\\fcharset([0-9]{1,3})")
_CODEPAGES: Final = {
    77: 10000,
    128: 932,
    129: 949,
    130: 1361,
    134: 936,
    136: 950,
    161: 1253,
    162: 1254,
    163: 1258,
    177: 1255,
    178: 1256,
    186: 1257,
    204: 1251,
    222: 874,
    238: 1250,
}
"""By the character sets of fonts; any other writes in the codepage of the whole."""
_TABLES: Final = frozenset({b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"footer"})
_SIGNS: Final = {b"{": "{", b"}": "}", b"\\": "\\", b"\r": "\r\n", b"\n": "\r\n"}
_WORDS: Final = {b"par": "\r\n", b"line": "\r\n", b"tab": "\t", b"cell": "\t", b"row": "\r\n", b"page": "\r\n"}
_HTML: Final = {
    b"~": "&nbsp;",
    b"_": "&shy;",
    b"lquote": "&lsquo;",
    b"rquote": "&rsquo;",
    b"ldblquote": "&ldquo;",
    b"rdblquote": "&rdquo;",
    b"bullet": "&bull;",
    b"endash": "&ndash;",
    b"emdash": "&mdash;",
}
_PLAIN: Final = {
    b"~": "\u00a0",
    b"_": "\u00ad",
    b"lquote": "\u2018",
    b"rquote": "\u2019",
    b"ldblquote": "\u201c",
    b"rdblquote": "\u201d",
    b"bullet": "\u2022",
    b"endash": "\u2013",
    b"emdash": "\u2014",
}


@dataclass(frozen=True, slots=True)
class _State:
    """What holds in a group of RTF, and ends with it."""

    is_left_out: bool = False
    """The group is a table, or nothing that is shown."""
    is_for_rtf: bool = False
    """What is there for readers of RTF alone."""
    codepage: int = 1252
    fallback: int = 1
    """Signs behind a character of Unicode that stand in its place for those that have none."""

    @property
    def is_shown(self) -> bool:
        return not self.is_left_out and not self.is_for_rtf


def packed_in(rtf: bytes) -> str | None:
    """Return `html` or `text` where RTF says that it holds it, else None."""
    found = _PACKED.search(rtf, 0, NEAR)
    return found[1].decode() if found else None


def unpacked(rtf: bytes) -> str:
    """Return the HTML or the plain text that RTF holds, or its own text where it holds neither."""
    text = StringIO(newline="")
    text.writelines(_Reading(rtf).parts())  # to join them makes a list first: of a hostile mail, fifty times as long
    return text.getvalue().encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Reading:
    """One pass over RTF: what holds where it is, and what is shown there."""

    def __init__(self, rtf: bytes) -> None:
        own = re.search(rb"\\ansicpg([0-9]{1,5})", rtf[:NEAR])
        self._rtf = rtf
        self._at = 0
        self._state = _State(codepage=int(own[1]) if own else 1252)
        self._outer: list[_State] = []
        self._fonts = {font: _CODEPAGES.get(int(charset), self._state.codepage) for font, charset in _FONT.findall(rtf)}
        self._names = {**_SIGNS, **_WORDS, **(_HTML if packed_in(rtf) == "html" else _PLAIN)}
        self._skipped = 0
        """Signs to come that stand in the place of a character before them."""
        self._escaped = bytearray()
        """Bytes of characters that may have several."""
        self._is_star = False
        """Whoever does not know the next word leaves its group out."""

    def parts(self) -> Iterator[str]:
        take = {"text": self._text, "brace": self._brace, "sign": self._sign, "word": self._word, "number": self._word}
        while token := _TOKEN.search(self._rtf, self._at):
            self._at = token.end()
            kind = token.lastgroup or ""
            if kind == "hex":
                self._escape(token[kind])
                continue
            if self._escaped:
                yield self._characters()
            yield take[kind](token)
            self._is_star = token["sign"] == b"*"
        yield self._characters()

    def _escape(self, value: bytes) -> None:
        if self._skipped:
            self._skipped -= 1
        elif self._state.is_shown:
            self._escaped += bytes.fromhex(value.decode())

    def _characters(self) -> str:
        found = decoded(bytes(self._escaped), self._state.codepage)
        self._escaped.clear()
        return found

    def _text(self, token: re.Match[bytes]) -> str:
        value = token["text"]
        if self._skipped:
            value, self._skipped = value[self._skipped :], max(0, self._skipped - len(value))
        return decoded(value, self._state.codepage) if self._state.is_shown else ""

    def _brace(self, token: re.Match[bytes]) -> str:
        self._skipped = 0
        if token["brace"] == b"{":
            self._outer.append(self._state)
        elif self._outer:
            self._state = self._outer.pop()
        return ""

    def _sign(self, token: re.Match[bytes]) -> str:
        if token["sign"] == b"*":
            return ""
        is_shown = self._state.is_shown and not self._skipped
        self._skipped = max(0, self._skipped - 1)
        return self._names.get(token["sign"], "") if is_shown else ""

    def _word(self, token: re.Match[bytes]) -> str:
        word, number = token["word"], int(token["number"]) if token["number"] else None
        is_shown = self._state.is_shown
        if word == b"u" and number is not None:
            self._skipped = self._state.fallback
            return chr(number & 0xFFFF) if is_shown else ""
        if word == b"bin":
            self._at += max(0, number or 0)
        elif is_shown and word in self._names:
            return self._names[word]
        else:
            self._state = _changed(self._state, word, number, self._fonts, is_star=self._is_star)
        return ""


def _changed(state: _State, word: bytes, number: int | None, fonts: dict[bytes, int], *, is_star: bool) -> _State:
    """Return what holds behind a control word."""
    if word == b"htmlrtf":
        return replace(state, is_for_rtf=number != 0)
    if word == b"f" and number is not None:
        return replace(state, codepage=fonts.get(b"%d" % number, state.codepage))
    if word == b"uc" and number is not None:
        return replace(state, fallback=max(0, number))
    if word in _TABLES or (is_star and word != b"htmltag"):
        return replace(state, is_left_out=True)
    return state
