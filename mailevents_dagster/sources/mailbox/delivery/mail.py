"""A mail that is to be delivered, and what its row in the database says. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final, Literal
from zoneinfo import ZoneInfo

from mailevents_dagster.sources.messages.message import Address, Message

SENT_FOLDERS: Final = frozenset({"sent", "sent items", "sent mail", "outbox", "보낸 편지함", "보낸편지함"})
"""Names of folders whose mails the mailbox itself sent, in small letters."""

MAIL_COLUMNS: Final = (
    "email_id",
    "subject",
    "sender_address",
    "sender_name",
    "from_address",
    "from_name",
    "to_recipients",
    "cc_recipients",
    "email_time",
    "kst_time",
    "content",
)
ATTACHMENT_COLUMNS: Final = ("parent_id", "email_id", "save_folder", "file_name", "file_size")
MORE_MAIL_COLUMNS: Final = ("msg_kind", "folder_path", "note")
MORE_ATTACHMENT_COLUMNS: Final = ("org_file_name", "phy_file_name")
"""Behind the others, where the extended columns are asked for."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that is to be delivered."""

    id: str
    """What the mailbox knows it by, wherever it is moved."""
    time: float
    """When it was received, or sent where it is sent mail; Unix seconds."""
    folder: str
    open: Callable[[], IO[bytes]]
    """Return the raw message, to be read forward."""


@dataclass(frozen=True, slots=True)
class DatabaseSettings:
    """What a database looks like."""

    mailbox: str
    """The address of the mailbox: mails from it were sent."""
    timezone: str = "Asia/Seoul"
    """Of the column kst_time, of names, and of folders of attachments."""
    columns: Literal["original", "extended"] = "original"

    @property
    def is_extended(self) -> bool:
        return self.columns == "extended"


@dataclass(frozen=True, slots=True)
class SavedFile:
    """A file of a delivery, with its path below the delivered folder."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class SavedAttachment:
    """An attachment that was written to a file."""

    file: SavedFile
    given_name: str


def day_folder(time: float, timezone: str) -> str:
    """Return the folder of the attachments of a mail: its day."""
    return datetime.fromtimestamp(time, ZoneInfo(timezone)).strftime("%Y_%m_%d")


def mail_values(mail: Mail, message: Message, settings: DatabaseSettings) -> list[str]:
    """Return the row of a mail, in the order of the columns; what the mail does not say is empty."""
    author = message.from_ or Address("", "")
    sender = message.sender or author
    values = [
        mail.id,
        message.subject,
        sender.address,
        sender.name,
        author.address,
        author.name,
        _addresses(message.to),
        _addresses(message.cc),
        _universal(mail.time),
        datetime.fromtimestamp(mail.time, ZoneInfo(settings.timezone)).strftime("%Y-%m-%d %H:%M:%S.%f"),
        message.html or message.text or "",
    ]
    if settings.is_extended:
        values += [_msg_kind(mail, sender, settings.mailbox), mail.folder, "; ".join(message.faults)]
    return [storable(value) for value in values]


def attachment_values(parent: int, mail: Mail, saved: SavedAttachment, settings: DatabaseSettings) -> list[object]:
    """Return the row of an attachment, in the order of the columns."""
    folder, _, name = saved.file.name.rpartition("/")
    more = [storable(saved.given_name), name] if settings.is_extended else []
    return [parent, storable(mail.id), folder, name, saved.file.size, *more]


def storable(text: str) -> str:
    """Return the text without what SQLite refuses or programs end at: half characters and NULs become U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def _addresses(addresses: Sequence[Address]) -> str:
    return ", ".join(one.address for one in addresses if one.address)


def _universal(time: float) -> str:
    """Return a time as Graph writes it."""
    return datetime.fromtimestamp(time, UTC).isoformat().removesuffix("+00:00") + "Z"


def _msg_kind(mail: Mail, sender: Address, mailbox: str) -> str:
    is_sent = sender.address.lower() == mailbox.lower() or mail.folder.partition("/")[0].lower() in SENT_FOLDERS
    return "sent" if is_sent else "receive"
