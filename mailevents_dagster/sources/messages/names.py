"""Names of attachments as names of files. Pure."""

from __future__ import annotations

import mimetypes
import re
import unicodedata
from typing import Final

_MOST: Final = 150
"""Bytes of UTF-8: file systems take 255, and others put something before or behind the name."""
_LONGEST_SUFFIX: Final = 20
_FORBIDDEN: Final = re.compile(r'[<>:"/\\|?*]')
_RESERVED: Final = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])[ ]*(?:\..*)?", re.IGNORECASE)
"""Names of devices on Windows, with any suffix."""
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Control characters, such that turn the direction of writing, halves of characters, and separators of lines."""
_SUFFIXES: Final = {
    "message/rfc822": ".eml",
    "message/global": ".eml",
    "message/partial": ".eml",
    "message/delivery-status": ".txt",
    "message/disposition-notification": ".txt",
    "message/feedback-report": ".txt",
    "text/rfc822-headers": ".txt",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "image/jpeg": ".jpg",
    "application/ms-tnef": ".dat",
    "application/octet-stream": ".bin",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": ".docx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": ".xlsx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": ".pptx",
    "application/pkcs7-mime": ".p7m",
    "application/pkcs7-signature": ".p7s",
    "application/pgp-signature": ".asc",
}
_TYPES: Final = mimetypes.MimeTypes()
"""Types that Python knows itself: those of the machine would give other names elsewhere."""


def safe_name(name: str) -> str:
    """Return a name that every file system takes, the same each time; an underscore stands for what none takes.

    It is empty where nothing of the name is left.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join("_" if unicodedata.category(sign) in _UNSEEN else sign for sign in last)
    shown = _FORBIDDEN.sub("_", shown).strip().rstrip(". ")
    short = _shortened(shown)
    return _shortened(f"_{short}") if _RESERVED.fullmatch(short) else short


def made_name(number: int, type_: str, subject: str | None = None) -> str:
    """Return a name for what has none: by the subject of a nested message, or else by its number; both by its type."""
    suffix = _SUFFIXES.get(type_) or _TYPES.guess_extension(type_) or ".bin"
    named = safe_name(_FORBIDDEN.sub("_", subject or ""))
    return safe_name(f"{named}{suffix}") if named else f"attachment-{number}{suffix}"


def type_of(name: str) -> str:
    """Return the media type of a file by its name."""
    return _TYPES.guess_type(name.replace("/", "_"))[0] or "application/octet-stream"


def _shortened(name: str) -> str:
    data = name.encode()
    if len(data) <= _MOST:
        return name
    stem, dot, suffix = name.rpartition(".")
    end = (dot + suffix).encode() if stem and len(suffix.encode()) <= _LONGEST_SUFFIX else b""
    return (data[: _MOST - len(end)].decode(errors="ignore").rstrip(". ") + end.decode()).rstrip(". ")
