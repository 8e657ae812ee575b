"""Where the contents of a message go: its texts, its attachments, and what tells its kind."""

from __future__ import annotations

import re
from typing import Final

from mailevents_dagster.sources.mailbox.messages.attachments import (
    NESTED,
    Attaching,
    Attachments,
    NestedMessage,
    OpenSink,
)
from mailevents_dagster.sources.mailbox.messages.bodies import Text
from mailevents_dagster.sources.mailbox.messages.faults import Faults
from mailevents_dagster.sources.mailbox.messages.kinds import STATUS_TYPES, Seen
from mailevents_dagster.sources.mailbox.messages.part import Part
from mailevents_dagster.sources.mailbox.messages.tree import Content

_LONGEST_STATUS: Final = 2**16
_FOR_OLD_PROGRAMS: Final = re.compile(r"\s*[^\n]*\bmime\b[^\n]*\s*", re.IGNORECASE)
"""What stands before the first part for those that know no MIME: `This is a multi-part message in MIME format.`"""


class MessageContents:
    """The contents of one message, as its parts are found."""

    def __init__(self, open_sink: OpenSink, faults: Faults) -> None:
        self.html = Text("HTML", faults)
        self.seen = Seen()
        self._text = Text("text", faults)
        self._between = Text("text", faults)
        self._attachments = Attachments(open_sink)
        self._faults = faults

    @property
    def text(self) -> str | None:
        """The text; where there is none, what stands before the parts of a multipart."""
        before = self._between.value or ""
        is_all = self._text.value is None and self.html.value is None
        if is_all and before.strip() and not _FOR_OLD_PROGRAMS.fullmatch(before):
            self._faults.add("its text stands before its parts")
            return before
        return self._text.value

    @property
    def attachments(self) -> Attachments:
        return self._attachments

    def content_of(self, part: Part, within: str | None) -> Content:
        """Return what takes the content of a part in a multipart of this type, or in none."""
        self.seen.add(part, within)
        if part.is_body(within):
            return (self.html if part.type == "text/html" else self._text).part(part.charset)
        if part.type == "message/partial":
            self._faults.add("it holds a piece of a message that was sent in pieces")
        if part.type in NESTED and part.name is None:
            return NestedMessage(self._attachments, part)
        attaching = self._attachments.begin(part)
        return Status(attaching, self.seen) if part.type in STATUS_TYPES else attaching

    def between_parts(self) -> Content:
        """Return what takes the text before the first part of a multipart."""
        return self._between.part(None)


class Status:
    """Takes a delivery status: an attachment that tells, too, what became of the mail."""

    def __init__(self, attaching: Attaching, seen: Seen) -> None:
        self._attaching = attaching
        self._seen = seen
        self._data = bytearray()

    def write(self, data: bytes, /) -> None:
        self._attaching.write(data)
        self._data += data[: _LONGEST_STATUS - len(self._data)]

    def close(self) -> None:
        self._attaching.close()
        self._seen.add_status(bytes(self._data))
