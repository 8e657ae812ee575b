"""Forms: bodies that are urlencoded, or of several parts with files among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Final
from urllib.parse import unquote_to_bytes

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError

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

    def text(self, name: str, charset: str = "utf-8") -> str:
        """Return the value of a field, which is empty where there is none."""
        try:
            return self.fields.get(name, b"").decode(charset, "replace")
        except LookupError:  # no such charset
            return self.fields[name].decode("utf-8", "replace")

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
    boundary = _parameters(content_type).get_param("boundary", header="content-type")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= 200:
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


def _parameters(content_type: str) -> Message:
    message = Message()
    message["content-type"] = content_type.replace("\r", " ").replace("\n", " ")
    return message


class _Parts:
    """The parts of a form, as the parser finds them."""

    def __init__(self) -> None:
        self.is_over = False
        self._parts: list[tuple[Message, bytearray]] = []
        self._name, self._value = bytearray(), bytearray()

    def begin(self) -> None:
        if len(self._parts) == _MOST_PARTS:
            raise RefusedError(Status.GARBAGE, "the form has too many parts")
        self._parts.append((Message(), bytearray()))

    def add_name(self, data: bytes, first: int, end: int) -> None:
        self._name += data[first:end]

    def add_value(self, data: bytes, first: int, end: int) -> None:
        self._value += data[first:end]

    def end_header(self) -> None:
        value = bytes(self._value).decode("utf-8", "replace")
        self._parts[-1][0][self._name.decode("latin-1")] = value.replace("\r", " ").replace("\n", " ")
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
            name = str(head.get_param("name", "", header="content-disposition"))
            if head.get_param("filename", header="content-disposition") is None:
                pairs.append((name, bytes(content)))
                continue
            kind = media_type(str(head.get("content-type", "")))
            content_id = str(head.get("content-id", "")).strip("<> ")
            files.append((name, File(head.get_filename("") or "", kind, bytes(content), content_id)))
        return Form(_joined(pairs), files)


def _joined(pairs: Sequence[tuple[str, bytes]]) -> dict[str, bytes]:
    values: dict[str, list[bytes]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: b"\n".join(several) for name, several in values.items()}
