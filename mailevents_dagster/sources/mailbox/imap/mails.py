"""Mails as an IMAP server lists them, and what each is known by. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final

from mailevents_dagster.sources.mailbox.imap.folders import Folder
from mailevents_dagster.sources.mailbox.reader import Listed
from mailevents_dagster.sources.messages.message import Address, Message
from mailevents_dagster.sources.messages.reading import read_message

SHOWN: Final = "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE SUBJECT FROM SENDER TO CC)]"
ITEMS: Final = ("INTERNALDATE", "RFC822.SIZE", "FLAGS", SHOWN)
"""What is asked of a mail in a window."""
ID_ITEMS: Final = ("INTERNALDATE", "RFC822.SIZE", "FLAGS", "BODY.PEEK[HEADER.FIELDS (MESSAGE-ID DATE)]")
"""What it takes to know a mail."""
_ANSWERED: Final = b"BODY[HEADER.FIELDS"

NOWHERE: Final = Folder("", "")
Answer = Mapping[bytes, Any]


@dataclass(frozen=True, slots=True)
class Mail(Listed):
    """A mail that is listed, and where it lay then."""

    within: Folder = NOWHERE
    validity: int = 0
    uid: int = 0


@dataclass(frozen=True, slots=True)
class Key:
    """By what a mail is known."""

    text: str
    is_certain: bool
    """Whether the server says that there is one mail with this key; else several may have it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a server says of one mail."""

    key: Key
    time: int
    size: int
    is_read: bool
    is_draft: bool
    head: Message
    """What its header says."""


def seen(answer: Answer, id_item: str | None) -> Seen:
    """Return what an answer says."""
    header = next((value for name, value in answer.items() if name.startswith(_ANSWERED)), None)
    head = read_message([header] if isinstance(header, bytes) else [])
    arrived = arrival(answer)
    time = head.sent or 0 if arrived is None else arrived  # an arrival that is no date: as the mail itself says
    size = int(answer.get(b"RFC822.SIZE") or 0)
    flags = {flag.lower() for flag in answer.get(b"FLAGS") or () if isinstance(flag, bytes)}
    id_ = _id(answer.get(id_item.encode())) if id_item else ""
    key = Key(f"{id_item}-{id_}" if id_ else _told_by(head.message_id, size, time), is_certain=bool(id_))
    return Seen(key, time, size, b"\\seen" in flags, b"\\draft" in flags, head)


def arrival(answer: Answer) -> int | None:
    """Return when a mail came, in Unix seconds; None where that is no date."""
    at = answer.get(b"INTERNALDATE")
    return int(at.timestamp()) if isinstance(at, datetime) else None


def listed(mail: Seen, id_: str, within: Folder, validity: int, uid: int) -> Mail:
    head = mail.head
    shown = {
        "message_id": head.message_id,
        "subject": head.subject,
        "from": _people(head.from_),
        "sender": _people(head.sender),
        "to": _people(*head.to),
        "cc": _people(*head.cc),
        "size": mail.size,
    }
    return Mail(
        id_, mail.time, within.path, mail.size, shown, is_read=mail.is_read, within=within, validity=validity, uid=uid
    )


class Ids:
    """The ids of the mails of one listing.

    Where the server names none, a mail is known by its Message-ID, its size and when it came, which stay when it is
    moved or its folder gets other UIDs; of those that have all three alike the first is known by them alone, the second
    is the second. A folder that shows what lies in others is counted by itself: it has the same mails.
    """

    def __init__(self) -> None:
        self._real = Counter[str]()
        self._view = Counter[str]()

    def end_of_folder(self) -> None:
        self._view.clear()

    def of(self, key: Key, folder: Folder) -> str:
        if key.is_certain:
            return key.text
        counted = self._view if folder.is_view else self._real
        counted[key.text] += 1
        number = counted[key.text]
        return key.text if number == 1 else f"{key.text}-{number}"


def _told_by(message_id: str | None, size: int, time: int) -> str:
    told = f"{message_id or ''}\n{size}\n{time}"
    return f"imap-{blake2b(told.encode('utf-8', 'surrogatepass'), digest_size=16).hexdigest()}"


def _id(value: object) -> str:
    """Return an id as text: EMAILID has it in brackets, X-GM-MSGID is a number."""
    if isinstance(value, tuple):
        value = value[0] if value else None
    return value.decode("ascii", "replace") if isinstance(value, bytes) else "" if value is None else str(value)


def _people(*people: Address | None) -> list[list[str]]:
    return [[one.name, one.address] for one in people if one]
