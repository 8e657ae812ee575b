"""The parts of a mail in which reports come."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Collection, Iterator
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
MOST_PARTS: Final = 200
"""Attachments that are looked into."""
FEEDBACK: Final = "message/feedback-report"
_ORIGINALS: Final = ("message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers")
_FIELD: Final = re.compile(r"^Feedback-Type[ \t]*:", re.IGNORECASE | re.MULTILINE)
_FIELDS: Final = re.compile(rb"\s*[A-Za-z][A-Za-z0-9-]{1,60}[ \t]*:")
_PACKED: Final = ("\x1f", "PK\x03\x04")
_BEGINNING: Final = re.compile(r'<\?xml|<feedback|\{\s*"organization-name"')


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
    is_cut: bool
    """Whether it has more attachments than are looked into."""

    def feedbacks(self) -> list[tuple[Attached, Attached | None]]:
        """Return the parts that report one mail each, and the part behind or before each that is the mail."""
        is_report = self.message.kind is Kind.REPORT
        is_typed = self.original() is not None or not is_report
        found: list[tuple[Attached, Attached | None]] = []
        before: Attached | None = None
        for one in self.attached:
            head = one.content.head()
            if _is_feedback(one.type, head, is_report=is_report):
                found.append((one, before))
                before = None
            elif one.type in _ORIGINALS if is_typed else _FIELDS.match(head):
                if found and found[-1][1] is None:
                    found[-1] = (found[-1][0], one)
                else:
                    before = one
        return found

    def feedback_text(self) -> IO[bytes] | None:
        """Return what reports one mail where it is the text of the mail; or None."""
        found = _FIELD.search(self.message.text or "") if self.message.kind is Kind.REPORT else None
        return io.BytesIO(found.string[found.start() :].encode("utf-8", "replace")) if found else None

    def original(self) -> Attached | None:
        """Return the mail that it is about, or None."""
        return next((one for one in self.attached if one.type in _ORIGINALS), None)

    def contents(self, but: Collection[Attached]) -> Iterator[Content]:
        """Yield what may be a report: what is attached, and texts that are one."""
        yield from (one.content for one in self.attached if one not in but)
        for text in filter(None, (self.message.text, self.message.html)):
            if text.startswith(_PACKED):
                yield self._raw_text()
                continue
            found = _BEGINNING.search(text)
            # The mark says that the text is UTF-8 now, whatever it says itself.
            shown = text[found.start() if found else 0 :].encode("utf-8", "replace")
            yield Content("text", io.BytesIO(codecs.BOM_UTF8 + shown))

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
        if len(attached) == MOST_PARTS:
            return None
        kept = _Kept(budget)
        attached.append(Attached(head.type, Content(head.safe_name, kept.file)))
        return kept

    message = read_message(_blocks(content), sink, most_text=_MOST_TEXT)
    return Mail(message, tuple(attached), content, len(message.attachments) > len(attached))


def _is_feedback(type_: str, head: bytes, *, is_report: bool) -> bool:
    if type_ == FEEDBACK:
        return _FIELDS.match(head) is not None
    return is_report and type_ not in _ORIGINALS and _FIELD.search(head.decode("latin-1")) is not None


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
