"""What the outbox is told of mails: which they are, and where their raw messages lie."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import IO, Any, Final

import orjson

from mailevents_dagster.deliveries.message import Message
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.sources.mailbox.delivery.mail import Mail

READ: Final = ("event_time", "id", "folder", "size", "blob")
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


def key_of(mailbox: str, mail_id: str) -> str:
    """Return what the outbox knows a mail by, which names nobody."""
    return hashlib.sha256(f"{mailbox}\0{mail_id}".encode("utf-8", "surrogatepass")).hexdigest()[:32]


def note_mails(
    outbox: Outbox, destination: str, mailbox: str, rows: Iterable[Mapping[str, Any]], hour: int, since: int | None
) -> int:
    """Note the mails of an hour that are to be delivered, and return how many are new.

    Mails from before `since` were delivered by another program. One without a raw message waits for it.
    """
    return outbox.note(destination, _messages(mailbox, rows, hour, since))


def _messages(mailbox: str, rows: Iterable[Mapping[str, Any]], hour: int, since: int | None) -> Iterator[Message]:
    for row in rows:
        if row["blob"] is not None:
            mail = NotedMail.from_row(row)
            if since is None or mail.time >= since:
                yield Message(key_of(mailbox, mail.id), mail.body, hour, int(mail.time))
