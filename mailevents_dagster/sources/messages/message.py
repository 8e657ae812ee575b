"""What a message says of itself. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Kind(StrEnum):
    """What a message is for."""

    NOTE = "note"
    """A mail of a person or a program, and whatever is none of the others."""
    BOUNCE = "bounce"
    """A mail server tells that a mail was not delivered, or not yet."""
    RECEIPT = "receipt"
    """A mail was delivered, read, or deleted unread."""
    AUTO_REPLY = "auto_reply"
    """Nobody wrote it: such as that somebody is out of the office."""
    MEETING = "meeting"
    """A request for a meeting, an answer to one, or that it is cancelled."""
    REPORT = "report"
    """A complaint in the Abuse Reporting Format, or one like it."""


@dataclass(frozen=True, slots=True)
class Address:
    """A name, which may be empty, and an address, which is empty where the header has none."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class AttachmentHead:
    """What is known of an attachment before its content is read."""

    name: str | None
    """As given; None where it has no name."""
    safe_name: str
    """One that every file system takes; two attachments of a message may have the same."""
    type: str
    """Its media type, in small letters."""
    inline: bool
    """Whether it is shown within the text."""
    content_id: str | None
    """What the HTML text refers to it by, without < and >."""


@dataclass(frozen=True, slots=True)
class Attachment(AttachmentHead):
    """An attachment and the digest of its content, decoded."""

    size: int
    sha256: str


class BinarySink(Protocol):
    """Where the content of an attachment goes."""

    def write(self, data: bytes, /) -> object: ...

    def close(self) -> object: ...


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says of itself: values as it gives them, decoded; nothing is guessed but charsets."""

    size: int = 0
    """Bytes of the raw message."""
    kind: Kind = Kind.NOTE
    message_id: str | None = None
    """Without < and >."""
    sent: int | None = None
    """Date in Unix seconds; None where it is missing, cannot be read, or names no time zone."""
    from_: Address | None = None
    """Who it seems to be from."""
    sender: Address | None = None
    """Who sent it: Sender, or else From."""
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    importance: str = "normal"
    """low, normal or high."""
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    """All of them in their order, decoded, as far as there is room."""
    authentication_results: tuple[str, ...] = ()
    text: str | None = None
    html: str | None = None
    attachments: tuple[Attachment, ...] = ()
    faults: tuple[str, ...] = ()
    """What was broken or left out, in words without personal data."""
