"""A message as its parts, of which a bounded beginning is kept. It is read in one pass, whatever is broken in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.sources.messages.charsets import text_of
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.head import Head
from mailevents_dagster.sources.messages.lines import Lines
from mailevents_dagster.sources.messages.part import Part
from mailevents_dagster.sources.messages.tree import Tree
from mailevents_dagster.sources.outcomes.notices.html import text_of_html

LONGEST_PART: Final = 2**17
"""Bytes of a part that are kept: of a bounce, its text and status; of the mail that came back, the header."""
MOST_PARTS: Final = 50
_KEPT: Final = ("text/", "message/", "application/json")
_REPORT: Final = "multipart/report"
_HTML: Final = "text/html"


@dataclass(slots=True)
class MailPart:
    """A part: what its header says, and the beginning of its content."""

    type: str
    within: str | None
    """The type of the multipart that it stands in."""
    charset: str | None
    is_attached: bool
    data: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes, /) -> None:
        self.data += data[: LONGEST_PART - len(self.data)]

    def close(self) -> None:
        pass

    @property
    def text(self) -> str:
        """The content as text with \\n at the end of lines; of HTML without its tags."""
        text = text_of(bytes(self.data), self.charset, is_cut=len(self.data) == LONGEST_PART)[0]
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text_of_html(text) if self.type == _HTML else text


@dataclass(frozen=True, slots=True)
class Mail:
    """A message: its header and parts in their order, without those within messages that it holds."""

    head: Head
    root: Part
    parts: tuple[MailPart, ...]

    def of_types(self, *types: str) -> list[MailPart]:
        """Return the parts of these media types."""
        return [part for part in self.parts if part.type in types]

    @property
    def text(self) -> str:
        """The text that people read, plain where it is there; what is attached is no part of it."""
        shown = [part for part in self.parts if part.type.startswith("text/") and not part.is_attached]
        plain = [part.text for part in shown if part.type in ("text/plain", "text/unknown")]
        if any(text.strip() for text in plain):
            return "\n\n".join(plain)
        return "\n\n".join(part.text for part in shown if part.type == _HTML)


class _Nothing:
    def write(self, data: bytes, /) -> None:
        pass

    def close(self) -> None:
        pass


class _Contents:
    """Keeps the parts of a message as they are found."""

    def __init__(self) -> None:
        self.parts: list[MailPart] = []

    def content_of(self, part: Part, within: str | None) -> MailPart | _Nothing:
        # Of a report all parts tell something, whatever they are called.
        is_kept = part.type.startswith(_KEPT) or within == _REPORT
        if not is_kept or len(self.parts) == MOST_PARTS:
            return _Nothing()
        self.parts.append(MailPart(part.type, within, part.charset, part.is_attached))
        return self.parts[-1]

    def between_parts(self) -> MailPart:
        """Return what takes the text before the first part: of broken messages it is the text."""
        between = MailPart("text/before", None, None, is_attached=True)
        self.parts.append(between)
        return between


def read_mail(chunks: Iterable[bytes]) -> Mail:
    """Return the message. Only errors of the chunks are raised."""
    contents = _Contents()
    head, root = Tree(Lines(chunks), contents, Faults()).read()
    return Mail(head, root, tuple(contents.parts))
