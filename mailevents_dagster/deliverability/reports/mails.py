"""The parts of a mail in which reports come."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from mailevents_dagster.deliverability.reports.packing import Budget, Content
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.lines import Lines
from mailevents_dagster.sources.messages.message import AttachmentHead, Kind, Message
from mailevents_dagster.sources.messages.part import Part
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster.sources.messages.tree import Content as TreeContent
from mailevents_dagster.sources.messages.tree import Tree

_IN_MEMORY: Final = 2**20
_BLOCK: Final = 2**16
_MOST_TEXT: Final = 2**24
_MOST_PARTS: Final = 200
"""Attachments that are looked into."""
FEEDBACK: Final = "message/feedback-report"
_ORIGINALS: Final = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers")
_FIELD: Final = re.compile(r"^Feedback-Type:", re.IGNORECASE | re.MULTILINE)
_PACKED: Final = ("\x1f", "PK\x03\x04")
_XML: Final = ("<?xml", "<feedback")


@dataclass(frozen=True, slots=True)
class Attached:
    """A part of a mail."""

    type: str
    content: Content


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, and what is attached to it."""

    message: Message
    attached: tuple[Attached, ...]
    whole: Content
    """The mail itself."""

    def feedback(self) -> IO[bytes] | None:
        """Return the part that reports one mail, which some call text; or None."""
        for one in self.attached:
            if one.type == FEEDBACK:
                return one.content.stream
        found = _FIELD.search(self.message.text or "") if self.message.kind is Kind.REPORT else None
        return io.BytesIO(found.string[found.start() :].encode("utf-8", "replace")) if found else None

    def original(self) -> IO[bytes] | None:
        """Return the mail that it is about, or None."""
        return next((one.content.stream for one in self.attached if one.type in _ORIGINALS), None)

    def contents(self) -> Iterator[Content]:
        """Yield what may be a report: what is attached, or else a text that is one."""
        yield from (one.content for one in self.attached)
        for text in filter(None, (self.message.text, self.message.html)):
            if text.startswith(_PACKED):
                yield self._raw_text()
                continue
            at = min((at for mark in _XML if (at := text.find(mark)) >= 0), default=0)
            # The mark says that the text is UTF-8 now, whatever it says itself.
            yield Content("text", io.BytesIO(codecs.BOM_UTF8 + text[at:].encode("utf-8", "replace")))

    def _raw_text(self) -> Content:
        """Return the bytes of the text: somebody sends a packed file as that."""
        bodies = _Bodies()
        Tree(Lines(_blocks(self.whole)), bodies, Faults()).read()
        return Content("text", io.BytesIO(bodies.content))

    def close(self) -> None:
        for one in self.attached:
            one.content.stream.close()


def read_mail(content: Content, budget: Budget) -> Mail:
    """Return a mail; what is attached lies in files without names where it is large."""
    attached: list[Attached] = []

    def sink(head: AttachmentHead) -> _Kept | None:
        if len(attached) == _MOST_PARTS:
            return None
        kept = _Kept(budget)
        attached.append(Attached(head.type, Content(head.safe_name, kept.file)))
        return kept

    message = read_message(_blocks(content), sink, most_text=_MOST_TEXT)
    return Mail(message, tuple(attached), content)


def _blocks(content: Content) -> Iterator[bytes]:
    content.stream.seek(0)
    return iter(lambda: content.stream.read(_BLOCK), b"")


class _Bodies:
    """Takes the bytes of the texts of a mail."""

    def __init__(self) -> None:
        self.content = bytearray()

    def content_of(self, part: Part, within: str | None) -> TreeContent:
        return self if part.is_body(within) else io.BytesIO()

    def between_parts(self) -> TreeContent:
        return io.BytesIO()

    def write(self, data: bytes, /) -> None:
        self.content += data[: _MOST_TEXT - len(self.content)]

    def close(self) -> None:
        """Texts of several parts stand behind each other."""


class _Kept:
    def __init__(self, budget: Budget) -> None:
        self.file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115  Mail.close closes it
        self._budget = budget

    def write(self, data: bytes, /) -> None:
        self._budget.spend(len(data))
        self.file.write(data)

    def close(self) -> None:
        self.file.seek(0)
