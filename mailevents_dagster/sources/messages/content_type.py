"""Values with parameters: media types and dispositions (RFC 2045, 2183, 2231). Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Final
from urllib.parse import unquote_to_bytes

from mailevents_dagster.sources.messages.charsets import text_of
from mailevents_dagster.sources.messages.values import decode_words

_MOST: Final = 500
"""Parameters that are read."""
_VALUE: Final = re.compile(rb"\s*([^\s;=\"]*)")
_PARAMETER: Final = re.compile(
    rb"""
    [;\s]*
    (?: (?P<name>[^\s;="]{1,100}) \s*=\s* (?: "(?P<quoted>(?:[^"\\]|\\.)*)"? | (?P<bare>[^;]*) )
    |   [^;\s]+
    )
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPED: Final = re.compile(rb"\\([\\\"])")
_PIECE: Final = re.compile(r"(?P<name>[^*]+)(?:\*(?P<number>\d{1,3}))?(?P<encoded>\*)?")
_TYPE: Final = re.compile(r"[\w.!#$&^+-]{1,100}/[\w.!#$&^+-]{1,100}", re.ASCII)
_NAMES: Final = ("name", "filename")


@dataclass(frozen=True, slots=True)
class Parameterised:
    """A value in small letters and its parameters, decoded, by their names."""

    value: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)

    def get(self, name: str) -> str | None:
        return self.parameters.get(name)


def parameterised(raw: bytes | None) -> Parameterised:
    """Return a value and its parameters, as far as they can be read."""
    if raw is None:
        return Parameterised()
    value = _VALUE.match(raw)
    end = value.end() if value else 0
    pieces: dict[str, dict[int, tuple[bytes, bool]]] = {}
    for name, text in islice(_parameters(raw, end), _MOST):
        if part := _PIECE.fullmatch(name):
            # A value in one piece that is encoded is better than one that is not; pieces come before both.
            number = int(part["number"]) if part["number"] else 1_000 if part["encoded"] else 1_001
            pieces.setdefault(part["name"], {}).setdefault(number, (text, bool(part["encoded"])))
    return Parameterised(
        text_of(value[1] if value else b"")[0].lower(), {name: _joined(found) for name, found in pieces.items()}
    )


def media_type(value: str, default: str) -> tuple[str, bool]:
    """Return a media type, and whether it is the one that is declared."""
    if _TYPE.fullmatch(value):
        return value, True
    if not value:
        return default, True
    usual = {"text": "text/plain", "multipart": "multipart/mixed", "message": "message/rfc822"}
    return usual.get(value.partition("/")[0], "application/octet-stream"), False


def _parameters(raw: bytes, at: int) -> Iterator[tuple[str, bytes]]:
    while found := _PARAMETER.match(raw, at):
        at = found.end()
        if found["name"] is None:
            continue
        name = found["name"].decode("latin-1").lower()
        if found["quoted"] is not None:
            yield name, _ESCAPED.sub(rb"\1", found["quoted"])
        elif name.partition("*")[0] in _NAMES:
            yield name, found["bare"].strip()
        else:
            yield name, (found["bare"].split() or [b""])[0]


def _joined(pieces: Mapping[int, tuple[bytes, bool]]) -> str:
    numbers = sorted(pieces)
    chosen = [number for number in numbers if number < 1_000] if numbers[0] < 1_000 else numbers[:1]
    texts = [pieces[number] for number in chosen]
    charset = None
    if texts[0][1] and texts[0][0].count(b"'") >= 2:
        declared, _, rest = texts[0][0].split(b"'", 2)
        charset = declared.decode("latin-1")
        texts[0] = (rest, True)
    data = b"".join(unquote_to_bytes(text) if is_encoded else text for text, is_encoded in texts)
    text = text_of(data, charset or None)[0]
    return text if texts[0][1] else decode_words(text)
