"""Mails with attachments, and what delivers them to a server of this process."""

from __future__ import annotations

import io
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from email.message import EmailMessage
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from mailevents_dagster.deliveries.message import Counts, Message
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sftp_failures import SftpAccess
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.sources.mailbox.delivery.delivering import Delivering
from mailevents_dagster.sources.mailbox.delivery.mail import DatabaseSettings, Mail
from mailevents_dagster.sources.mailbox.delivery.noting import NotedMail, key_of
from mailevents_dagster.sources.mailbox.delivery.spool import Spool
from mailevents_dagster_tests.conftest import START

MAILBOX = "fund@example.com"
DESTINATION = f"{MAILBOX} sftp"
ORIGINAL = DatabaseSettings(MAILBOX)
EXTENDED = DatabaseSettings(MAILBOX, columns="extended")


def raw(number: int = 1, attachments: Sequence[tuple[str, bytes]] = (), **headers: str) -> bytes:
    """Return a message of RFC 822."""
    message = EmailMessage()
    said = {
        "From": "Ayşe Çağlar <ayse@example.org>",
        "Sender": "Office <office@example.org>",
        "To": "Fund <fund@example.com>, second@example.com",
        "Cc": "third@example.com",
        "Subject": f"Mail {number}",
        **headers,
    }
    for name, value in said.items():
        message[name] = value
    message.set_content(f"Text of mail {number}")
    message.add_alternative(f"<p>Mail {number} 기준가</p>", subtype="html")
    for name, content in attachments:
        message.add_attachment(content, maintype="application", subtype="octet-stream", filename=name)
    return message.as_bytes()


def mail(number: int = 1, content: bytes | None = None, time: float = START, folder: str = "Inbox") -> Mail:
    whole = raw(number) if content is None else content
    return Mail(f"id-{number}", time, folder, lambda: io.BytesIO(whole))


def rows(path: Path, table: str = "fund_mail") -> list[dict[str, Any]]:
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        return [dict(row) for row in database.execute(f"SELECT * FROM {table} ORDER BY id")]


@dataclass
class Blobs:
    """Raw messages in memory, by their digests."""

    kept: dict[str, bytes] = field(default_factory=dict)

    def add(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        self.kept[digest] = content
        return digest

    def open(self, digest: str, /) -> IO[bytes]:
        if digest not in self.kept:
            raise DamagedError(f"{digest[:8]} is gone")
        return io.BytesIO(self.kept[digest])


class FileBlobs:
    """Raw messages in a folder, by their digests."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, content: bytes) -> str:
        digest = sha256(content).hexdigest()
        (self._folder / digest).write_bytes(content)
        return digest

    def open(self, digest: str, /) -> IO[bytes]:
        return (self._folder / digest).open("rb")


def note(outbox: Outbox, blobs: Blobs | FileBlobs, numbers: Sequence[int], make: Callable[[int], bytes] = raw) -> None:
    """Note mails in the outbox, a second each."""
    outbox.note(DESTINATION, [_message(blobs, number, make(number)) for number in numbers])


def _message(blobs: Blobs | FileBlobs, number: int, content: bytes) -> Message:
    noted = NotedMail(f"id-{number}", START + number, "Inbox", blobs.add(content), len(content))
    return Message(key_of(MAILBOX, noted.id), noted.body, START, START + number)


def delivering(folder: Path, access: SftpAccess, blobs: Blobs | FileBlobs, **more: Any) -> Delivering:
    """Return what delivers what waits in the outbox of this folder."""
    outbox, spool = Outbox(folder / "outbox.sqlite"), Spool(folder / "spool")
    return Delivering(outbox, DESTINATION, spool, access, blobs, ORIGINAL, threading.Event(), **more)


def delivered(folder: Path) -> Mapping[str, list[str]]:
    """Return the ids of mails by the databases below a folder."""
    return {path.name: [row["email_id"] for row in rows(path)] for path in sorted(folder.glob("fm_*.db"))}


def total(outbox: Outbox) -> Counts:
    """Return what became of all mails in the outbox."""
    return sum(outbox.counts(DESTINATION).values(), Counts())


def take(folder: Path) -> list[str]:
    """Read databases and take them away, as their reader does."""
    found = []
    for path in folder.glob("fm_*.db"):
        found += [row["email_id"] for row in rows(path)]
        for one in rows(path, "fund_mail_attach"):
            assert (folder / one["save_folder"] / one["file_name"]).stat().st_size == one["file_size"]
        path.unlink()
    return found
