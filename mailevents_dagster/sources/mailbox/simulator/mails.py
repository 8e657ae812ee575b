"""Made-up mails: the same for the same mailbox and hour, whoever asks and when."""

from __future__ import annotations

import random
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import Final

from mailevents_dagster.sources.mailbox.simulator.words import PEOPLE, SUBJECTS

HOUR: Final = 3600
INBOX: Final = "Inbox"
SENT: Final = "Sent Items"
DRAFTS: Final = "Drafts"
ARCHIVE: Final = "Archive/2026"
_FORMS: Final = {
    "plain": 30,
    "both": 25,
    "attached": 18,
    "two of one name": 5,
    "inline": 6,
    "nested": 4,
    "bounce": 4,
    "meeting": 4,
    "absent": 4,
}
_FOLDERS: Final = {
    INBOX: 60,
    "Inbox/Fonlar": 12,
    "Inbox/기준가": 8,
    SENT: 12,
    "Junk Email": 3,
    "Deleted Items": 3,
    DRAFTS: 2,
}


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail of a mailbox, and what becomes of it."""

    id: str
    received: int
    sent: int
    folder: str
    author: tuple[str, str]
    to: tuple[tuple[str, str], ...]
    subject: str
    form: str = "plain"
    sender: tuple[str, str] = ("", "")
    cc: tuple[tuple[str, str], ...] = ()
    is_read: bool = False
    visible_from: int = 0
    """When it first appears, where that is later than when it was received: it was restored or imported."""
    moved_at: int | None = None
    """When it is moved to the archive,"""
    deleted_at: int | None = None
    """and when it is deleted."""
    refused: bool = False
    """Whether its raw message is refused."""
    padding: int = 0
    """Bytes more of its text."""

    @property
    def message_id(self) -> str:
        return f"<{sha256(self.id.encode()).hexdigest()[:24]}@simulator.example>"

    @property
    def is_draft(self) -> bool:
        return self.folder == DRAFTS

    def is_there(self, now: float) -> bool:
        return max(self.received, self.visible_from) <= now and (self.deleted_at is None or now < self.deleted_at)

    def folder_at(self, now: float) -> str:
        return ARCHIVE if self.moved_at is not None and now >= self.moved_at else self.folder


def id_of(address: str, time: int, number: int) -> str:
    digest = sha256(f"{address} {time} {number}".encode()).digest()
    return f"AAkALgAAAAAAHYQDEapmEc2byACqAC-EWg0A{urlsafe_b64encode(digest).decode()}"


@lru_cache(maxsize=2048)
def mails_of_hour(address: str, start: int, per_hour: float, padding: int = 0) -> tuple[Mail, ...]:
    """Return the mails that were received in an hour, oldest first."""
    chance = random.Random(f"{address} {start}")  # noqa: S311 - made-up mail
    number = int(per_hour * chance.uniform(0.6, 1.4) + chance.random())
    times = sorted(start + chance.randrange(HOUR) for _ in range(number))
    return tuple(_mail(address, time, number, chance, padding) for number, time in enumerate(times))


def _mail(address: str, time: int, number: int, chance: random.Random, padding: int) -> Mail:
    own = ("Fon Operasyon", address)
    folder = chance.choices([*_FOLDERS], [*_FOLDERS.values()])[0]
    other = chance.choice(PEOPLE)
    author, to = (own, (other,)) if folder == SENT else (other, (own,))
    fate = chance.random()
    return Mail(
        id=id_of(address, time, number),
        received=time,
        sent=time - chance.choice((0, 1, 2, 5, 40)),
        folder=folder,
        author=author,
        sender=chance.choice(PEOPLE) if folder != SENT and chance.random() < 0.05 else author,
        to=to,
        cc=tuple(chance.sample(PEOPLE, chance.choice((0, 0, 0, 1, 2)))),
        subject=chance.choice(SUBJECTS),
        form=chance.choices([*_FORMS], [*_FORMS.values()])[0],
        is_read=chance.random() < 0.5,
        visible_from=time + chance.randrange(600, 3 * HOUR) if fate < 0.02 else 0,
        moved_at=time + HOUR if 0.02 <= fate < 0.06 else None,
        deleted_at=time + 26 * HOUR if 0.06 <= fate < 0.07 else None,
        refused=0.07 <= fate < 0.08,
        padding=padding,
    )
