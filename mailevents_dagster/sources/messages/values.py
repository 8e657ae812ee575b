"""Values of header fields: text with encoded words, dates, ids. Pure."""

from __future__ import annotations

import binascii
import re
from calendar import monthrange
from datetime import datetime
from email.utils import mktime_tz, parsedate_tz
from typing import Final

from mailevents_dagster.sources.messages.charsets import text_of

_WORD: Final = re.compile(r"=\?([^?\s]{1,80})\?([bBqQ])\?(.{0,5000}?)\?=", re.DOTALL)
_CONTROLS: Final = re.compile("[\x00-\x08\x0a-\x1f\x7f]+")
_SPACES: Final = re.compile(r"[ \t\r\n]+")
_COMMENT: Final = re.compile(r"\([^()]*\)")
_ZONE: Final = re.compile(r"(?:[+-]\d{4}|\b(?:UTC?|GMT|Z|[ECMP][SD]T))\s*", re.IGNORECASE)
_COLON: Final = re.compile(r"\s*:\s*")
"""RFC 5322 has spaces around it obsolete, and so still read."""
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d")
_ID: Final = re.compile(r"<([^<>]{1,1000})>")
_LAST_SECOND: Final = 253_402_300_799
_MOST_IDS: Final = 200


def text_value(raw: bytes) -> str:
    """Return the value as people read it: on one line, with its encoded words decoded."""
    return without_controls(decode_words(plain_value(raw))).strip()


def without_controls(text: str) -> str:
    """Return text without characters that a terminal obeys."""
    return _CONTROLS.sub(" ", text)


def plain_value(raw: bytes) -> str:
    """Return the value on one line, with its encoded words as they are."""
    return _SPACES.sub(" ", text_of(raw)[0]).strip()


def decode_words(value: str) -> str:
    """Return the text of encoded words (RFC 2047); those that stand together are decoded together.

    Many programs divide a character of several bytes between two of them.
    """
    if "=?" not in value:
        return value
    pieces: list[str] = []
    waiting: list[bytes] = []
    charset, end = "", 0
    for word in _WORD.finditer(value):
        name = word[1].partition("*")[0].lower()
        between = value[end : word.start()]
        if waiting and (between.strip() or name != charset):
            pieces.append(text_of(b"".join(waiting), charset)[0])
            waiting = []
        if between.strip() or not end:
            pieces.append(between)
        waiting.append(_bytes_of(word[2], word[3]))
        charset, end = name, word.end()
    if waiting:
        pieces.append(text_of(b"".join(waiting), charset)[0])
    return _SPACES.sub(" ", "".join([*pieces, value[end:]]))


def _bytes_of(encoding: str, text: str) -> bytes:
    data = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(data.replace(b"\n", b" "), header=True)
    data = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    data = data[:-1] if len(data) % 4 == 1 else data
    return binascii.a2b_base64(data + b"=" * (-len(data) % 4))


def seconds_of(raw: bytes) -> int | None:
    """Return the Unix seconds of a date; None where it cannot be read, or does not say of which time zone it is."""
    value = _COLON.sub(":", _COMMENT.sub(" ", plain_value(raw)[:200]).replace('"', "")).strip()
    if _ISO.match(value):
        return _iso_seconds(value)
    zone = None
    for zone in _ZONE.finditer(value):  # noqa: B007  the last one counts
        pass
    if zone is None or zone.end() != len(value):
        return None
    try:
        parsed = parsedate_tz(value)
        if parsed is None or abs(parsed[9] or 0) > 86_400 or parsed[2] > monthrange(*parsed[:2])[1]:
            return None
        seconds = int(mktime_tz(parsed))
    except (ValueError, OverflowError, TypeError, IndexError):
        return None
    return seconds if 0 <= seconds <= _LAST_SECOND else None


def _iso_seconds(value: str) -> int | None:
    """Return the Unix seconds of a date as ISO 8601 has it."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        return None
    seconds = int(moment.timestamp()) if moment.tzinfo else -1
    return seconds if 0 <= seconds <= _LAST_SECOND else None


def ids_of(raw: bytes | None) -> tuple[str, ...]:
    """Return the message ids of a value, without < and >; what stands there without those, too."""
    if raw is None:
        return ()
    value = plain_value(raw)
    # One that is folded has spaces within.
    found = [one.replace(" ", "") for one in _ID.findall(value)] or [word.strip("<>") for word in value.split()]
    return tuple(word for word in found[:_MOST_IDS] if word)
