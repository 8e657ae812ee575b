"""RTF as Outlook keeps it: the HTML or plain text that it packs into it (MS-OXRTFEX), or its own text. Pure.

One pass over the text. RTFDE does it with a grammar, which takes 60 ms for a mail of one line, and striprtf takes half
a second for one with a picture; old stores have RTF in nearly every mail.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from mailevents_dagster.sources.mailbox.pst.properties import decoded

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


def packed_in(rtf: bytes) -> str | None:
    """Return `html` or `text` where RTF says that it holds it, else None."""
    found = _PACKED.search(rtf, 0, NEAR)
    return found[1].decode() if found else None


def unpacked(rtf: bytes) -> str:
    """Return the HTML or the plain text that RTF holds, or its own text where it holds neither."""
    return "".join(_parts(rtf)).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _parts(rtf: bytes) -> Iterator[str]:  # noqa: C901 - a branch for each kind of token
    own = re.search(rb"\\ansicpg([0-9]{1,5})", rtf[:NEAR])
    state = _State(codepage=int(own[1]) if own else 1252)
    fonts = {font: _CODEPAGES.get(int(charset), state.codepage) for font, charset in _FONT.findall(rtf)}
    names = {**_SIGNS, **_WORDS, **(_HTML if packed_in(rtf) == "html" else _PLAIN)}
    outer: list[_State] = []
    at = skipped = 0
    is_star = False
    waiting = bytearray()  # of characters that have several bytes, each escaped
    while token := _TOKEN.search(rtf, at):
        at = token.end()
        kind, value = token.lastgroup, token[token.lastgroup or 0]
        shown = not state.is_left_out and not state.is_for_rtf
        if kind == "hex":
            if skipped:
                skipped -= 1
            elif shown:
                waiting += bytes.fromhex(value.decode())
            continue
        if kind == "text" and skipped:
            value, skipped = value[skipped:], max(0, skipped - len(value))
        if waiting:
            yield decoded(bytes(waiting), state.codepage)
            waiting.clear()
        if kind == "brace":
            skipped = 0
            if value == b"{":
                outer.append(state)
            else:
                state = outer.pop() if outer else state
        elif kind == "text":
            if shown:
                yield decoded(value, state.codepage)
        elif kind == "sign" and value != b"*":
            if shown and not skipped:
                yield names.get(value, "")
            skipped = max(0, skipped - 1)
        elif kind in ("word", "number"):
            word, number = token["word"], int(token["number"]) if token["number"] else None
            if word == b"u" and number is not None:
                if shown:
                    yield chr(number & 0xFFFF)
                skipped = state.fallback
            elif word == b"bin":
                at += max(0, number or 0)
            elif shown and word in names:
                yield names[word]
            else:
                state = _changed(state, word, number, fonts, is_star=is_star)
        is_star = kind == "sign" and value == b"*"
    if waiting:
        yield decoded(bytes(waiting), state.codepage)


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
