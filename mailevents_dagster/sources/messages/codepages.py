"""Codepages, the numbers by which Windows and Outlook name charsets. Pure."""

from __future__ import annotations

import codecs
from functools import lru_cache
from typing import Final

UTF_8: Final = 65001
_CHARSETS: Final = {
    UTF_8: "utf-8",
    1200: "utf-16-le",
    1201: "utf-16-be",
    20127: "us-ascii",
    20866: "koi8-r",
    20932: "euc-jp",
    21866: "koi8-u",
    28598: "iso-8859-8",
    38598: "iso-8859-8",
    50220: "iso-2022-jp",
    50221: "iso-2022-jp",
    50222: "iso-2022-jp",
    50225: "iso-2022-kr",
    51932: "euc-jp",
    51936: "gb2312",
    51949: "euc-kr",
    52936: "hz",
    54936: "gb18030",
}


@lru_cache(256)
def charset_of(codepage: int) -> str | None:
    """Return the name of a codepage's characters that both Python and mail know, or None where there is none."""
    if 28591 <= codepage <= 28606 and codepage not in _CHARSETS:
        return f"iso-8859-{codepage - 28590}"
    name = _CHARSETS.get(codepage) or (f"windows-{codepage}" if 1250 <= codepage <= 1258 else f"cp{codepage}")
    try:
        codecs.lookup(name)
    except LookupError:
        return None
    return name


def decoded(value: bytes, codepage: int) -> str:
    """Return the text of these bytes; where they are no text of the codepage, what can be read of it."""
    return value.decode(charset_of(codepage) or "latin-1", "replace")
