"""A message that Graph does not give as it was sent, composed from its JSON and its attachments, as a stream."""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Iterator
from hashlib import sha256
from typing import Final
from urllib.parse import quote

from mailevents_dagster.sources.mailbox.graph.calls import Calls
from mailevents_dagster.sources.mailbox.graph.headers import attachment_headers, header_text, headers_of
from mailevents_dagster.sources.mailbox.graph.messages import Json
from mailevents_dagster.sources.mailbox.graph.refusals import RefusedError
from mailevents_dagster.sources.mailbox.reader import Sink

_SELECT: Final = (
    "id,internetMessageId,internetMessageHeaders,subject,from,sender,toRecipients,ccRecipients,bccRecipients,replyTo,"
    "receivedDateTime,sentDateTime,importance,body,hasAttachments"
)
_OF_EACH: Final = "id,name,contentType,size,isInline"
_CONTENT_ID: Final = ",microsoft.graph.fileAttachment/contentId"
_WHOLE_LINES: Final = 57 * 1024
"""Bytes that base64 turns into lines of 76 characters."""
_ITEMS: Final = {b"BEGIN:VCALENDAR": "text/calendar; charset=utf-8", b"BEGIN:VCARD": "text/vcard; charset=utf-8"}
"""What an attached item is that is no message, by how it begins."""


def compose(calls: Calls, path: str, blob: Sink) -> tuple[str, ...]:
    """Write a message into a blob; return what of it could not be had."""
    message = calls.json(f"{path}?$select={_SELECT}", "a message as JSON")
    boundary = f"=_{sha256(path.encode()).hexdigest()[:40]}"
    mixed = [("MIME-Version", "1.0"), ("Content-Type", f'multipart/mixed; boundary="{boundary}"')]
    blob.write(header_text([*headers_of(message), *mixed]))
    _write_body(message, boundary, blob)
    lacking = []
    for number, attachment in enumerate(_attachments(calls, path), 1):
        part = _Part(attachment, boundary, blob)
        try:
            if not part.is_link:
                where = f"{path}/attachments/{quote(str(attachment.get('id')), safe='')}/$value"
                calls.stream(where, "an attachment", part)
        except RefusedError as error:
            if error.is_passing or error.status == 401:
                raise
            lacking.append(f"attachment {number}: {error}")
        part.end()
    blob.write(f"--{boundary}--\r\n".encode())
    return tuple(lacking)


def _attachments(calls: Calls, path: str) -> Iterator[Json]:
    listing = f"{path}/attachments?$top=100&$select={_OF_EACH}"
    try:
        pages = [*calls.pages(listing + _CONTENT_ID, "the attachments")]
    except RefusedError as error:
        if error.status != 400:
            raise
        pages = [*calls.pages(listing, "the attachments")]
    for page in pages:
        yield from (row for row in page["value"] if isinstance(row, dict))


def _write_body(message: Json, boundary: str, blob: Sink) -> None:
    body = message.get("body")
    if not isinstance(body, dict) or not body.get("content"):
        return
    kind = "html" if str(body.get("contentType")).lower() == "html" else "plain"
    headers = [("Content-Type", f"text/{kind}; charset=utf-8"), ("Content-Transfer-Encoding", "base64")]
    blob.write(f"--{boundary}\r\n".encode() + header_text(headers))
    blob.write(_base64(str(body["content"]).encode("utf-8", "replace")))


class _Part:
    """One attachment on its way into the message. What it is shows with its first bytes."""

    def __init__(self, attachment: Json, boundary: str, blob: Sink) -> None:
        kind = str(attachment.get("@odata.type") or "").lower()
        self.is_link = kind.endswith("referenceattachment")
        self._is_item = kind.endswith("itemattachment")
        self._attachment = attachment
        self._boundary = boundary
        self._blob = blob
        self._has_begun = False
        self._rest = b""
        self._in_base64 = True

    def write(self, data: bytes, /) -> None:
        if not self._has_begun:
            self._begin(data)
        if not self._in_base64:
            self._blob.write(data)
            return
        data = self._rest + data
        whole = len(data) - len(data) % _WHOLE_LINES
        self._blob.write(_base64(data[:whole]))
        self._rest = data[whole:]

    def end(self) -> None:
        """Write what is left, or the head alone of what has no content here."""
        if not self._has_begun:
            self._begin(b"")
        self._blob.write(_base64(self._rest) if self._in_base64 else b"\r\n")

    def _begin(self, first: bytes) -> None:
        self._has_begun = True
        type_ = str(self._attachment.get("contentType") or "application/octet-stream")
        if self._is_item and first:
            item = next((type_ for begin, type_ in _ITEMS.items() if first.startswith(begin)), None)
            type_ = item or "message/rfc822"
            self._in_base64 = item is not None  # a message within a message is never coded
        headers = attachment_headers(self._attachment, type_)
        if self._in_base64:
            headers.append(("Content-Transfer-Encoding", "base64"))
        self._blob.write(f"--{self._boundary}\r\n".encode() + header_text(headers))


def _base64(data: bytes) -> bytes:
    return encodebytes(data).replace(b"\n", b"\r\n")
