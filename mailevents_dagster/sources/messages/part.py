"""A part of a message: what its header says of its content. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailevents_dagster.sources.messages.content_type import media_type, parameterised
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.head import Head
from mailevents_dagster.sources.messages.values import text_value

_BODIES: Final = ("text/plain", "text/html")
_LONGEST_NAME: Final = 1_000
_LONGEST_BOUNDARY: Final = 900


@dataclass(frozen=True, slots=True)
class Part:
    """What the header of a part says of its content."""

    type: str
    charset: str | None
    boundary: bytes | None
    is_attached: bool
    """Content-Disposition says so."""
    is_inline: bool
    name: str | None
    content_id: str | None
    encoding: bytes | None
    method: str | None
    """What a calendar is for, such as a request."""
    report_type: str | None

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/")

    def is_body(self, within: str | None) -> bool:
        """Return whether it is text of the message itself, in a multipart of this type, or in none."""
        is_named = self.name is not None and within not in (None, "multipart/alternative")
        return self.type in _BODIES and not self.is_attached and not is_named


def part_of(head: Head, within: str | None, faults: Faults) -> Part:
    """Return the part of a header, in a multipart of this type, or in none."""
    content = parameterised(head.first("content-type"))
    default = "message/rfc822" if within == "multipart/digest" else "text/plain"
    type_, is_declared = media_type(content.value, default)
    if not is_declared:
        faults.add("a Content-Type is not a media type")
    disposition = parameterised(head.first("content-disposition"))
    is_attached = disposition.value not in ("", "inline")
    boundary = (content.get("boundary") or "").rstrip()
    content_id = text_value(head.first("content-id") or b"").strip("<> ")[:_LONGEST_NAME] or None
    name = (disposition.get("filename") or content.get("name") or "").strip()[:_LONGEST_NAME] or None
    return Part(
        type=type_,
        charset=content.get("charset"),
        boundary=boundary.encode()[:_LONGEST_BOUNDARY] or None,
        is_attached=is_attached,
        is_inline=disposition.value == "inline"
        or (not is_attached and content_id is not None and within == "multipart/related"),
        name=name,
        content_id=content_id,
        encoding=head.first("content-transfer-encoding"),
        method=content.get("method"),
        report_type=content.get("report-type"),
    )
