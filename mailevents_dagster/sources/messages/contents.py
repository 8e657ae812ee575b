"""Where the contents of a message go: its texts, its attachments, and what tells its kind."""

from __future__ import annotations

import re
from typing import Final

from mailevents_dagster.sources.messages.attachments import NESTED, Attaching, NestedMessage
from mailevents_dagster.sources.messages.bodies import Text
from mailevents_dagster.sources.messages.gathered import Gathered
from mailevents_dagster.sources.messages.kinds import STATUS_TYPES, Seen
from mailevents_dagster.sources.messages.part import Part
from mailevents_dagster.sources.messages.tree import Content
from mailevents_dagster.sources.messages.winmail import TNEF_TYPES, Winmail

_LONGEST_STATUS: Final = 2**16
_FOR_OLD_PROGRAMS: Final = re.compile(r"[^\n]*\bmime\b", re.IGNORECASE)
"""What stands before the first part for those that know no MIME: `This is a multi-part message in MIME format.`"""


class MessageContents:
    """The contents of one message, as its parts are found."""

    def __init__(self, gathered: Gathered) -> None:
        self._gathered = gathered
        self._between = Text("text", gathered.faults)

    def content_of(self, part: Part, within: str | None) -> Content:
        """Return what takes the content of a part in a multipart of this type, or in none."""
        gathered = self._gathered
        gathered.seen.add(part, within)
        if part.is_body(within):
            return (gathered.html if part.type == "text/html" else gathered.text).part(part.charset)
        if part.type == "message/partial":
            gathered.faults.add("it holds a piece of a message that was sent in pieces")
        if part.type in TNEF_TYPES or (part.name or "").lower() == "winmail.dat":
            return Winmail(gathered, part)
        if part.type in NESTED and part.name is None:
            return NestedMessage(gathered.attachments, part)
        attaching = gathered.attachments.begin(part)
        return Status(attaching, gathered.seen) if part.type in STATUS_TYPES else attaching

    def between_parts(self) -> Content:
        """Return what takes the text before the first part of a multipart."""
        return self._between.part(None)

    def text(self) -> str | None:
        """Return the text of the message; where it has none, what stands before the parts of a multipart."""
        before = (self._between.value or "").strip()
        if not self._gathered.has_text and before and not _FOR_OLD_PROGRAMS.match(before):
            self._gathered.faults.add("its text stands before its parts")
            return before
        return self._gathered.text.value


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
