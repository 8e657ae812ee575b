"""Forms: bodies that are urlencoded, or of several parts with files among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError

from mailevents_dagster.sources.messages.content_type import parameterised
from mailevents_dagster.sources.messages.values import text_value
from mailevents_dagster.sources.webhook.providers.provider import File, RefusedError, Status

_MOST_PARTS: Final = 2_000
_LONGEST_HEADER: Final = 2**14
URLENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"


@dataclass(frozen=True, slots=True)
class Form:
    """What a form holds."""

    fields: Mapping[str, bytes]
    """Where a name stands twice, its values are joined by a line end."""
    files: Sequence[tuple[str, File]] = ()
    """With the names of their fields."""

    def text(self, name: str) -> str:
        """Return the value of a field, which is empty where there is none."""
        return self.fields.get(name, b"").decode("utf-8", "replace")

    def texts(self, *left_out: str) -> dict[str, str]:
        return {name: self.text(name) for name in self.fields if name not in left_out}


def media_type(content_type: str) -> str:
    """Return the type without its parameters, in small letters."""
    return content_type.partition(";")[0].strip().lower()


def form_of(content_type: str, body: bytes) -> Form:
    """Return the form of a request; RefusedError where it is none."""
    if media_type(content_type) == URLENCODED:
        return _urlencoded(body)
    if media_type(content_type) == MULTIPART:
        return _multipart(content_type, body)
    raise RefusedError(Status.WRONG_TYPE, "the content type is neither JSON nor a form")


def _urlencoded(body: bytes) -> Form:
    pairs = [pair.partition(b"=") for pair in body.split(b"&", _MOST_PARTS) if pair]
    if len(pairs) > _MOST_PARTS:
        raise RefusedError(Status.GARBAGE, "the form has too many fields")
    return Form(_joined([(_unquoted(name).decode("utf-8", "replace"), _unquoted(value)) for name, _, value in pairs]))


def _unquoted(part: bytes) -> bytes:
    return unquote_to_bytes(part.replace(b"+", b" "))


def _multipart(content_type: str, body: bytes) -> Form:
    boundary = parameterised(content_type.encode("latin-1", "replace")).get("boundary") or ""
    if not 0 < len(boundary) <= 200:
        raise RefusedError(Status.GARBAGE, "the form has no boundary")
    parts = _Parts()
    try:
        parser = MultipartParser(
            boundary.encode("latin-1", "replace"),
            {
                "on_part_begin": parts.begin,
                "on_header_field": parts.add_name,
                "on_header_value": parts.add_value,
                "on_header_end": parts.end_header,
                "on_part_data": parts.add_data,
                "on_end": parts.end,
            },
            max_header_size=_LONGEST_HEADER,
        )
        parser.write(body)
        parser.finalize()
    except FormParserError:
        raise RefusedError(Status.GARBAGE, "the form is broken") from None
    if not parts.is_over:
        raise RefusedError(Status.GARBAGE, "the form breaks off")
    return parts.form()


class _Parts:
    """The parts of a form, as the parser finds them."""

    def __init__(self) -> None:
        self.is_over = False
        self._parts: list[tuple[dict[str, bytes], bytearray]] = []
        self._name, self._value = bytearray(), bytearray()

    def begin(self) -> None:
        if len(self._parts) == _MOST_PARTS:
            raise RefusedError(Status.GARBAGE, "the form has too many parts")
        self._parts.append(({}, bytearray()))

    def add_name(self, data: bytes, first: int, end: int) -> None:
        self._name += data[first:end]

    def add_value(self, data: bytes, first: int, end: int) -> None:
        self._value += data[first:end]

    def end_header(self) -> None:
        self._parts[-1][0].setdefault(self._name.decode("latin-1").lower(), bytes(self._value))
        self._name.clear()
        self._value.clear()

    def add_data(self, data: bytes, first: int, end: int) -> None:
        self._parts[-1][1].extend(memoryview(data)[first:end])

    def end(self) -> None:
        self.is_over = True

    def form(self) -> Form:
        pairs: list[tuple[str, bytes]] = []
        files: list[tuple[str, File]] = []
        for head, content in self._parts:
            disposition = parameterised(head.get("content-disposition"))
            name, filename = disposition.get("name") or "", disposition.get("filename")
            if filename is None:
                pairs.append((name, bytes(content)))
                continue
            kind = parameterised(head.get("content-type")).value
            content_id = text_value(head.get("content-id", b"")).strip("<> ")
            files.append((name, File(filename, kind, bytes(content), content_id)))
        return Form(_joined(pairs), files)


def _joined(pairs: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    values: dict[str, list[bytes]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: b"\n".join(several) for name, several in values.items()}
