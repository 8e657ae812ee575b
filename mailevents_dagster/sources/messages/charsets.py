"""Bytes as text: by the charset that is declared, or else by those that people use here. Pure."""

from __future__ import annotations

import codecs
import re
from typing import Final

_SPELLINGS: Final = {
    "ks_c_5601-1987": "cp949",
    "x-windows-949": "cp949",
    "windows-949": "cp949",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "x-euc-jp": "euc_jp",
    "iso-2022-jp-ms": "iso2022_jp_ext",
    "cp50220": "iso2022_jp_ext",
    "cp50221": "iso2022_jp_ext",
    "cp50222": "iso2022_jp_ext",
    "x-gbk": "gb18030",
    "gb_2312-80": "gb18030",
    "x-x-big5": "big5",
    "iso-8859-6-i": "iso8859-6",
    "iso-8859-8-i": "iso8859-8",
    "x-mac-turkish": "mac_turkish",
}
"""Names that Python does not know."""
_WIDER: Final = {
    "ascii": "utf-8",
    "euc_kr": "cp949",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso8859-1": "cp1252",
    "iso8859-9": "cp1254",
    "iso2022_jp": "iso2022_jp_ext",
}
"""Charsets by another that they are often declared as, and which they contain."""
_NO_CHARSETS: Final = {"unicode_escape", "raw_unicode_escape", "idna", "punycode", "undefined"}
"""What else Python decodes to text."""
_NAME: Final = re.compile(r"[\w.:+()-]{1,40}", re.ASCII)
_ONE_BYTE: Final = ("iso8859", "cp125", "koi8")
"""How the charsets begin that have one byte for each character, and letters above 127."""
MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte order marks, and the charset that each begins. One is the beginning of another, which stands before it."""
_TURKISH: Final = re.compile(rb"(?:[\x00-\xbf]|[\xc2\xc7\xce\xd0\xd6\xdb-\xde\xe2\xe7\xee\xf0\xf6\xfb-\xfe])*")
"""What a Turkish text in windows-1254 is made of."""
_DOTS: Final = re.compile(rb"[\xdd\xfd]")
"""The two i of Turkish, of which one is in most words. In windows-1252 they are letters of Icelandic, as the next."""
_FEW: Final = 3
_THORNS: Final = re.compile(rb"[\xd0\xde\xf0\xfe]")
_NOT_ICELANDIC: Final = re.compile(rb"[\xc7\xdc\xe7\xfc]")
"""Letters that Turkish has and Icelandic has not."""
_SEVEN_BITS: Final = {b"\x1b$B": "iso2022_jp_ext", b"\x1b$@": "iso2022_jp_ext", b"\x1b$)C": "iso2022_kr"}
"""Text that is no ASCII though it has no byte above 127, by how it begins."""
_SWITCH: Final = re.compile(rb"\x1b(\$[@B]|\([BJI])([^\x1b]*)")
"""A charset of ISO-2022-JP, and what is written in it: two bytes for a character, one, or narrow kana."""
_SEVERAL_BYTES: Final = ("euc_kr", "euc_jp", "cp932", "cp949")
"""The narrow ones first: cp949 has a character for nearly each two bytes of a Japanese text."""
_JAPANESE: Final = ("euc_jp", "cp932")
_LONELY: Final = re.compile(r"(?<=[A-Za-z])[^\x00-\x7f](?![^\x00-\x7f])|(?<![^\x00-\x7f])[^\x00-\x7f](?=[A-Za-z])")
_RUN: Final = re.compile(r"[^\x00-\x7f]+")
_HALF_WIDTH: Final = re.compile("[\uff61-\uff9f]")
_PRIVATE: Final = re.compile("[\ue000-\uf8ff]")
_KANA: Final = re.compile("[\u3041-\u30ff]")
_HANGUL: Final = re.compile("[\uac00-\ud7a3]")
_LETTERS_OF_HANGUL: Final = re.compile("[\u3131-\u318e]")
_NO_TEXT: Final = re.compile("[\ud800-\udfff\0]")
_REPLACEMENT: Final = "\ufffd"


def text_of(data: bytes, declared: str | None = None, *, is_cut: bool = False) -> tuple[str, bool]:
    """Return the text, and whether it is written in the charset that is declared for it.

    It never fails: in the end each byte is a character. Of text that was cut, half a character at its end is left out.
    """
    name = charset(declared) if declared else None
    for mark, marked in MARKS:
        if data.startswith(mark) and (text := _decoded(data[len(mark) :], marked, is_cut=is_cut)) is not None:
            return _clean(text), True
    if data.isascii() and b"\x1b" in data:
        if name and name.startswith("iso2022") and (text := _decoded(data, name, is_cut=is_cut)) is not None:
            return _clean(text), True
        for escape, seven_bits in _SEVEN_BITS.items():
            if escape in data and (text := _of_seven_bits(data, seven_bits, is_cut=is_cut)) is not None:
                return _clean(text), name == seven_bits
    if name in (None, "utf-8") and data.isascii():
        return _clean(data.decode()), True
    if (better := _mistaken(data, name, is_cut=is_cut)) is not None:
        return _clean(better), False
    text = _decoded(data, name or "utf-8", is_cut=is_cut)
    if text is None:
        return _clean(_guessed(data, name, is_cut=is_cut)), False
    return _clean(text), name is not None or data.isascii()


def _mistaken(data: bytes, name: str | None, *, is_cut: bool) -> str | None:
    """Return the text where it is surely not of the charset with a byte for each character that is declared.

    No text happens to be UTF-8. Programs in Turkey send windows-1254 as iso-8859-1: then the letters in which these
    differ are there, and none that Turkish does not have, as every text of some length in Icelandic has. Those in Korea
    do so with their charset, in which nearly all is a syllable then.
    """
    if name is None or not name.startswith(_ONE_BYTE) or data.isascii():
        return None
    if (text := _decoded(data, "utf-8", is_cut=is_cut)) is not None:
        return text
    if name != "cp1252":
        return None
    korean = _decoded(data, "cp949", is_cut=is_cut) or ""
    syllables = len(_HANGUL.findall(korean))
    if syllables > _FEW and 5 * syllables >= 4 * sum(sign > "\x7f" for sign in korean):
        return korean
    return _decoded(data, "cp1254", is_cut=is_cut) if _is_turkish(data) else None


def _is_turkish(data: bytes) -> bool:
    if not _TURKISH.fullmatch(data):
        return False
    dots = len(_DOTS.findall(data))
    return dots > 1 or (_THORNS.search(data) is not None and bool(dots or _NOT_ICELANDIC.search(data)))


def _of_seven_bits(data: bytes, name: str, *, is_cut: bool) -> str | None:
    """Return text that switches its charset by escapes; Japanese of Windows has characters that Python's does not."""
    text = _decoded(data, name, is_cut=is_cut)
    if text is None and name == "iso2022_jp_ext":
        return _decoded(_SWITCH.sub(_of_windows, data), "cp932", is_cut=is_cut)
    return text


def _of_windows(found: re.Match[bytes]) -> bytes:
    """Return characters of 7 bits as cp932 has them."""
    escape, signs = found.groups()
    if escape == b"(I":
        return bytes(sign | 0x80 for sign in signs)
    if not escape.startswith(b"$"):
        return bytes(signs)
    return b"".join(_shifted(*signs[at : at + 2]) for at in range(0, len(signs) - 1, 2))


def _shifted(row: int, cell: int) -> bytes:
    """Return a character of JIS X 0208 as Shift JIS has it."""
    first = (row + 1) // 2 + (0x70 if row < 0x5F else 0xB0)
    second = cell + (0x7E if row % 2 == 0 else 0x20 if cell > 0x5F else 0x1F)
    return bytes((first & 0xFF, second & 0xFF))


def charset(declared: str | None) -> str | None:
    """Return Python's name of a charset, or of one that contains it; None where there is none of that name."""
    name = (declared or "").strip(" \t'\"").lower()
    if not _NAME.fullmatch(name):
        return None
    try:
        found = codecs.lookup(_SPELLINGS.get(name, name)).name
        b"a".decode(found, "replace")  # which refuses what is an encoding of bytes
    except (LookupError, ValueError):
        return None
    return None if found.replace("-", "_") in _NO_CHARSETS else _WIDER.get(found, found)


def _guessed(data: bytes, declared: str | None, *, is_cut: bool) -> str:
    text = _decoded(data, "utf-8", is_cut=is_cut)
    if text is not None:
        return text
    for name in (declared, "utf-8"):
        if name is not None and _is_little_damaged(replaced := data.decode(name, "replace")):
            return replaced
    for name in _JAPANESE if declared in (*_JAPANESE, "iso2022_jp_ext") else _SEVERAL_BYTES:
        text = _decoded(data, name, is_cut=is_cut)
        if text is not None and _looks_east_asian(text):
            return text
    text = _decoded(data, "cp1254", is_cut=is_cut)
    return data.decode("latin-1") if text is None else text


def _decoded(data: bytes, name: str, *, is_cut: bool) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)().decode(data, final=not is_cut)
    except ValueError:
        return None


def _is_little_damaged(text: str) -> bool:
    """Return whether few of the characters beyond ASCII could not be read."""
    return 10 * text.count(_REPLACEMENT) <= sum(sign > "\x7f" for sign in text)


def _looks_east_asian(text: str) -> bool:
    """Return whether characters beyond ASCII stand in words of their own, as those of a Turkish text seldom do.

    Japanese has no more of its narrow letters than of its usual ones, and Korean no more single letters than syllables;
    what is read in the wrong charset has.
    """
    if _PRIVATE.search(text) or len(_HALF_WIDTH.findall(text)) > len(_KANA.findall(text)):
        return False
    if len(_LETTERS_OF_HANGUL.findall(text)) > len(_HANGUL.findall(text)):
        return False
    return 2 * len(_LONELY.findall(text)) < len(_RUN.findall(text))


def _clean(text: str) -> str:
    """Return the text without what databases refuse: NULs, and halves of characters."""
    return _NO_TEXT.sub(_REPLACEMENT, text)
