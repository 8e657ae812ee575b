"""What the outbox is told of mails: which they are, and where their raw messages lie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

import orjson

from mailevents_dagster.deliveries.message import Message
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.model.event import Detail
from mailevents_dagster.sources.mailbox.delivery.mail import Mail
from mailevents_dagster.sources.mailbox.rows import IMPORTED

READ: Final = ("event_time", "id", "folder", "size", "blob", "detail", "source")
"""The columns of committed mails that are needed."""


@dataclass(frozen=True, slots=True)
class NotedMail:
    """A mail as it waits in the outbox."""

    id: str
    time: float
    folder: str
    blob: str
    size: int

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> NotedMail:
        return cls(row["id"], row["event_time"].timestamp(), row["folder"] or "", row["blob"], row["size"] or 0)

    @classmethod
    def from_body(cls, body: str) -> NotedMail:
        return cls(**orjson.loads(body))

    @property
    def body(self) -> str:
        return orjson.dumps(asdict(self)).decode()

    def with_raw(self, open_blob: Callable[[str], IO[bytes]]) -> Mail:
        return Mail(self.id, self.time, self.folder, lambda: open_blob(self.blob))


@dataclass(frozen=True, slots=True)
class Noting:
    """Whose mails are noted where."""

    outbox: Outbox
    destination: str
    mailbox: str
    since: int | None = None
    """Mails from before were delivered by another program."""


def key_of(mailbox: str, mail_id: str) -> str:
    """Return what the outbox knows a mail by, which names nobody."""
    return hashlib.sha256(f"{mailbox}\0{mail_id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def note_mails(noting: Noting, rows: Iterable[Mapping[str, Any]], hour: int, *, is_closed: bool) -> int:
    """Note the mails of an hour that are to be delivered, and return how many are new.

    One without a raw message waits for it; one of which something is owed waits until the hour is closed. Those of an
    Outlook file are not new.
    """
    return noting.outbox.note(noting.destination, _messages(noting, rows, hour, is_closed=is_closed))


def _messages(noting: Noting, rows: Iterable[Mapping[str, Any]], hour: int, *, is_closed: bool) -> Iterator[Message]:
    for row in rows:
        if row["source"] == IMPORTED:
            continue
        if row["blob"] is not None and (is_closed or row["detail"] != Detail.MISSING):
            mail = NotedMail.from_row(row)
            if noting.since is None or mail.time >= noting.since:
                yield Message(key_of(noting.mailbox, mail.id), mail.body, hour, int(mail.time))
