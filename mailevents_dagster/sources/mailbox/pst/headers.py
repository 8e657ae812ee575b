"""Header fields of a mail made from its properties: encoded words, addresses, folding."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime
from email.utils import encode_rfc2231, format_datetime
from typing import Final

NAME: Final = re.compile(r"[!-9;-~]{1,200}")
CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
SURROGATES: Final = re.compile("[\ud800-\udfff]")
WORD: Final = 42
"""Bytes in an encoded word: with all that belongs to it, it is shorter than the 75 characters that it may have."""
LONGEST_LINE: Final = 900
"""Characters of a line without a blank; 998 are allowed."""
STRUCTURE: Final = ("content-", "mime-version")
"""Of the form that a mail had on its way, which is made anew."""


def field(name: str, value: str) -> bytes:
    """Return a header field; a value that is not ASCII becomes encoded words."""
    return f"{name}: {_folded(encoded(value))}\r\n".encode("ascii")


def addresses_field(name: str, addresses: Iterable[tuple[str, str]]) -> bytes:
    """Return a header field of names and addresses; an address that nobody knows is left empty."""
    shown = ",\r\n ".join(_mailbox(*one) for one in addresses)
    return f"{name}: {shown}\r\n".encode()


def date_field(name: str, time: datetime) -> bytes:
    return f"{name}: {format_datetime(time)}\r\n".encode("ascii")


def parameter(name: str, value: str) -> str:
    """Return a parameter of a header field, as RFC 2231 wants it where it is not ASCII."""
    clean = SURROGATES.sub("?", CONTROLS.sub(" ", value))
    if clean.isascii():
        escaped = clean.replace("\\", "\\\\").replace('"', '\\"')
        return f'{name}="{escaped}"'
    return f"{name}*={encode_rfc2231(clean, 'utf-8')}"


def encoded(value: str) -> str:
    """Return a value in ASCII on one line."""
    clean = SURROGATES.sub("?", CONTROLS.sub(" ", value)).strip()
    if clean.isascii() and "=?" not in clean:
        return clean
    return " ".join(f"=?utf-8?B?{b64encode(word).decode()}?=" for word in _words(clean.encode()))


def sent_fields(headers: str) -> list[tuple[str, str]]:
    """Return the fields of a mail as it came, with their names; not those of its form, and no line that is no field."""
    fields: list[tuple[str, list[str]]] = []
    skipped = True
    for line in headers.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "").split("\n"):
        if line[:1] in (" ", "\t"):
            if not skipped and line.strip():
                fields[-1][1].append(line)
            continue
        name, colon, value = line.partition(":")
        skipped = not colon or not NAME.fullmatch(name) or name.lower().startswith(STRUCTURE)
        if not skipped:
            fields.append((name, [value]))
    return [(name, "\r\n".join(lines)) for name, lines in fields]


def sent_field(name: str, value: str) -> bytes:
    """Return a field as it came."""
    return f"{name}:{value}\r\n".encode("utf-8", "replace")


def _mailbox(name: str, address: str) -> str:
    spec = f"<{_address(address)}>"
    shown = encoded(name)
    if not shown or name.strip() == address:
        return spec
    if shown.startswith("=?"):
        return f"{_folded(shown)} {spec}"
    escaped = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_folded(escaped)}" {spec}'


def _address(address: str) -> str:
    """Return an address as it may stand in a field, in UTF-8 where it is not ASCII (RFC 6532)."""
    return SURROGATES.sub("?", CONTROLS.sub("", address)).strip().strip("<>")


def _words(value: bytes) -> Iterable[bytes]:
    """Yield the parts of UTF-8 that encoded words can hold; no character is cut."""
    at = 0
    while at < len(value):
        end = min(at + WORD, len(value))
        while end < len(value) and value[end] & 0xC0 == 0x80:
            end -= 1
        yield value[at:end]
        at = end


def _folded(value: str) -> str:
    """Break a long value at blanks."""
    if len(value) <= LONGEST_LINE and not value.startswith("=?"):
        return value
    lines = [""]
    for word in value.split(" "):
        if lines[-1] and len(lines[-1]) + len(word) > 76:
            lines.append("")
        lines[-1] += f" {word}" if lines[-1] else word
    return "\r\n ".join(lines)
