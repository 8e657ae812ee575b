"""Attachments while their content comes: named, counted, hashed, handed on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Final

from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.head import read_head, skip_envelope
from mailevents_dagster.sources.messages.lines import Lines
from mailevents_dagster.sources.messages.message import Attachment, AttachmentHead, BinarySink
from mailevents_dagster.sources.messages.names import made_name, safe_name
from mailevents_dagster.sources.messages.part import Part
from mailevents_dagster.sources.messages.values import text_value

OpenSink = Callable[[AttachmentHead], BinarySink | None]

NESTED: Final = ("message/rfc822", "message/global", "message/partial")
_LONGEST_HEAD: Final = 2**16
"""Bytes of a nested message in which its subject is looked for."""


class Attaching:
    """Takes the content of an attachment."""

    def __init__(self, head: AttachmentHead, sink: BinarySink | None, done: Callable[[Attachment], None]) -> None:
        self._head = head
        self._sink = sink
        self._done = done
        self._digest = hashlib.sha256()
        self._size = 0

    def write(self, data: bytes, /) -> None:
        if data:
            self._digest.update(data)
            self._size += len(data)
            if self._sink is not None:
                self._sink.write(data)

    def close(self) -> None:
        if self._sink is not None:
            self._sink.close()
        head = self._head
        self._done(
            Attachment(
                head.name,
                head.safe_name,
                head.type,
                head.inline,
                head.content_id,
                size=self._size,
                sha256=self._digest.hexdigest(),
            )
        )


class Attachments:
    """The attachments of a message, in their order."""

    def __init__(self, open_sink: OpenSink) -> None:
        self.found: list[Attachment] = []
        self._open_sink = open_sink
        self._number = 0

    def begin(self, part: Part, subject: str | None = None) -> Attaching:
        """Return what takes the content of a part; a nested message without a name is named by its subject."""
        self._number += 1
        safe = safe_name(part.name or "") or made_name(self._number, part.type, subject)
        head = AttachmentHead(part.name, safe, part.type, part.is_inline, part.content_id)
        return Attaching(head, self._open_sink(head), self.found.append)


class NestedMessage:
    """Takes a nested message that has no name, until its subject is known."""

    def __init__(self, attachments: Attachments, part: Part) -> None:
        self._attachments = attachments
        self._part = part
        self._held = bytearray()
        self._attaching: Attaching | None = None

    def write(self, data: bytes, /) -> None:
        if self._attaching is not None:
            self._attaching.write(data)
            return
        self._held += data
        if len(self._held) >= _LONGEST_HEAD:
            self._begin()

    def close(self) -> None:
        (self._attaching or self._begin()).close()

    def _begin(self) -> Attaching:
        held = bytes(self._held)
        self._held.clear()
        self._attaching = self._attachments.begin(self._part, _subject_of(held))
        self._attaching.write(held)
        return self._attaching


def _subject_of(message: bytes) -> str | None:
    lines, faults = Lines([message]), Faults()
    skip_envelope(lines, faults)
    subject = read_head(lines, lambda _: False, faults).first("subject")
    return text_value(subject) if subject else None
