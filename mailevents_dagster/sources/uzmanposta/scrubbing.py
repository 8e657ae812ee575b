"""Text that came from elsewhere made fit for a message: without the key, on one line, not too long.

An API, a proxy or a gateway may repeat the key anywhere: in a message, a header, an error page.
"""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Iterator
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from mailevents_dagster.files.printable import printable

WITHHELD: Final = "(a text that repeats the key)"
DECODED_TIMES: Final = 3
"""So many layers of escapes are undone: a page shows what a log wrote of what an address held."""
_ESCAPE: Final = re.compile(r"\\u([0-9a-f]{4})|\\x([0-9a-f]{2})", re.IGNORECASE)


def scrubbed(text: str, key: str, most: int) -> str:
    """Return the text without the key, or none of it if it holds the key in disguise."""
    plain = re.sub(re.escape(key), "(the key)", text, flags=re.IGNORECASE)
    if any(secret in view for view in _views(plain.lower()) for secret in _disguises(key)):
        return WITHHELD
    return printable(plain, most)


def _views(text: str) -> Iterator[str]:
    """Return the text as it is, and as it reads once escapes of addresses, pages and JSON are undone."""
    yield text
    for _ in range(DECODED_TIMES):
        text = html.unescape(_ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), unquote(text))).lower()
        yield text


@lru_cache(maxsize=64)
def _disguises(key: str) -> frozenset[str]:
    """Return the key in lower case, and the part of it that any base64 or hex text with the key has in common."""
    secret = key.encode()
    inner = set()
    for before in range(3):  # base64 turns three bytes into four characters, so the key's neighbours change its ends
        coded = b64encode(b"." * before + secret).decode().rstrip("=")
        inner.add(coded[-(-before * 8 // 6) : -1].lower())
    urlsafe = {text.replace("+", "-").replace("/", "_") for text in inner}
    return frozenset({key.lower(), secret.hex(), *inner, *urlsafe})
