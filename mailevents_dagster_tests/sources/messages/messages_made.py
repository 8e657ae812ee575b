"""Messages that tests make."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from mailevents_dagster.sources.messages.message import AttachmentHead, Message
from mailevents_dagster.sources.messages.reading import read_message


def read(*lines: str | bytes, end: bytes = b"\r\n") -> Message:
    """Return the message of these lines."""
    return read_message([end.join(line.encode() if isinstance(line, str) else line for line in lines)])


def in_pieces(data: bytes, length: int) -> Iterator[bytes]:
    return (data[at : at + length] for at in range(0, len(data), length))


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Kept:
    """Takes the content of an attachment."""

    def __init__(self, head: AttachmentHead) -> None:
        self.head = head
        self.data = b""
        self.is_closed = False

    def write(self, data: bytes, /) -> None:
        assert data
        assert not self.is_closed
        self.data += data

    def close(self) -> None:
        self.is_closed = True
