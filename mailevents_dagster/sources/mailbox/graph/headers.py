"""Headers of a message made from Graph's JSON. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from email.header import Header
from email.utils import encode_rfc2231, format_datetime, formataddr, getaddresses
from typing import Final

from mailevents_dagster.sources.mailbox.graph.messages import Json, addresses, time_of

Headers = list[tuple[str, str]]

_NOT_IN_A_HEADER: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]+")
_NAME: Final = re.compile(r"[!-9;-~]+")
_TYPE: Final = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+")
_OF_PARTS: Final = ("content-", "mime-version")
"""Headers of the message as it was sent that do not hold for what is composed."""
_PEOPLE: Final = {
    "From": "from",
    "Sender": "sender",
    "To": "toRecipients",
    "Cc": "ccRecipients",
    "Bcc": "bccRecipients",
    "Reply-To": "replyTo",
}


def headers_of(message: Json) -> Headers:
    """Return the headers of a message: those it was sent with, as far as Graph knows them, and those of its fields."""
    written = message.get("internetMessageHeaders")
    kept = [
        (str(header["name"]), _as_sent(str(header["name"]), str(header.get("value") or "")))
        for header in (written if isinstance(written, Sequence) else ())
        if isinstance(header, Mapping)
        and _NAME.fullmatch(str(header.get("name") or ""))
        and not str(header["name"]).lower().startswith(_OF_PARTS)
    ]
    names = {name.lower() for name, _ in kept}
    return kept + [(name, value) for name, value in _of_fields(message) if name.lower() not in names]


def attachment_headers(attachment: Json, type_: str) -> Headers:
    """Return the headers of an attachment, without its encoding."""
    headers = [("Content-Type", type_ if _TYPE.fullmatch(type_.partition(";")[0]) else "application/octet-stream")]
    placed = "inline" if attachment.get("isInline") is True else "attachment"
    name = _plain(attachment.get("name"))
    named = f"; filename*={encode_rfc2231(name, 'utf-8')}" if name else ""
    headers.append(("Content-Disposition", placed + named))
    if content_id := _plain(attachment.get("contentId")):
        headers.append(("Content-ID", f"<{content_id.strip('<>')}>"))
    return headers


def header_text(headers: Iterable[tuple[str, str]]) -> bytes:
    """Return headers and the empty line behind them, as RFC 5322 wants them; what is not ASCII is coded."""
    return b"".join(f"{name}: {_coded(value)}\r\n".encode() for name, value in headers) + b"\r\n"


def _of_fields(message: Json) -> Iterator[tuple[str, str]]:
    for name, field in _PEOPLE.items():
        value = message.get(field)
        if people := addresses(value if isinstance(value, list) else [value]):
            yield name, ",\r\n ".join(_person(*person) for person in people)
    for name, field in (("Subject", "subject"), ("Message-ID", "internetMessageId")):
        if message.get(field):
            yield name, str(message[field])
    sent = time_of(message.get("sentDateTime"))
    if sent is not None:
        yield "Date", format_datetime(datetime.fromtimestamp(sent, UTC))
    if message.get("importance") in ("high", "low"):
        yield "Importance", str(message["importance"])


def _as_sent(name: str, value: str) -> str:
    """Return the value of a header as it may be sent: where people are named, each name is coded by itself."""
    if value.isascii() or name.title() not in _PEOPLE:
        return value
    return ",\r\n ".join(_person(*person) for person in getaddresses([_plain(value)]))


def _person(name: str, address: str) -> str:
    name, address = _plain(name), _plain(address)
    return formataddr((name, address)) if address.isascii() else f"{Header(name, 'utf-8').encode()} <{address}>"


def _coded(value: str) -> str:
    lines = [_plain(line) for line in value.split("\r\n ")]
    if all(line.isascii() for line in lines):
        return "\r\n ".join(lines)
    return Header(" ".join(lines), "utf-8", maxlinelen=76).encode(linesep="\r\n")


def _plain(value: object) -> str:
    """Return text that may stand in a header: no line ends, no halves of characters."""
    return _NOT_IN_A_HEADER.sub(" ", str(value or "")).encode("utf-8", "replace").decode().strip()
