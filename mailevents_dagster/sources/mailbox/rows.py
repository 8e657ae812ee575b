"""Messages as records of a feed: what the store needs to know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from hashlib import blake2b
from typing import Any, Final

from mailevents_dagster.files.json_text import one_line, parse
from mailevents_dagster.model.columns import Marks, RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.sources.json_records import arrays_of, event_reader, read
from mailevents_dagster.sources.mailbox.columns import COLUMNS
from mailevents_dagster.sources.messages.message import Address, Message

IMPORTED: Final = "pst"
"""The source of a mail that is imported from a file."""

_NEEDED: Final = frozenset({"id", "time", "listing", "blob"})
_WITH_COLUMNS: Final = frozenset(column.name for column in COLUMNS)


def row_of(
    message: Message,
    *,
    id: str,  # noqa: A002  it is what mailboxes call it
    folder: str,
    received: int,
    blob: str | None,
    size: int,
    listing: bytes,
    time: int | None = None,
    read: bool | None = None,
    conversation: str | None = None,
    source: str = "mime",
    bodies: bool = True,
) -> dict[str, object]:
    """Return the record of a message.

    `time` is when it was sent where that is the time of its event; `listing` the digest of what the listing shows.
    Without a blob it is a message that could not be had, of which the listing told something.
    """
    return {
        "time": received if time is None else time,
        "id": id,
        "message_id": message.message_id,
        "received": received,
        "sent": message.sent,
        "folder": folder,
        **_said(message),
        "read": read,
        "conversation": conversation,
        "in_reply_to": list(message.in_reply_to),
        "references": list(message.references),
        "size": size,
        "attachments": [asdict(attachment) for attachment in message.attachments],
        "blob": blob,
        "source": source,
        "listing": listing.hex(),
        **_long(message, bodies=bodies),
    }


def _long(message: Message, *, bodies: bool) -> dict[str, object]:
    """Return what may be long: it stands at the end of a line."""
    return {
        "authentication_results": list(message.authentication_results),
        "faults": list(message.faults),
        "headers": [list(header) for header in message.headers],
        **({"text": message.text, "html": message.html} if bodies else {}),
    }


def _said(message: Message) -> dict[str, object]:
    """Return what people see first."""
    return {
        "kind": message.kind,
        "subject": message.subject,
        **_people(message),
        "importance": message.importance,
    }


def _people(message: Message) -> dict[str, object]:
    author, sender = message.from_, message.sender or message.from_
    return {
        "from_address": author and author.address,
        "from_name": author and author.name,
        "sender_address": sender and sender.address,
        "sender_name": sender and sender.name,
        "to_recipients": _addresses(message.to),
        "cc_recipients": _addresses(message.cc),
        "bcc_recipients": _addresses(message.bcc),
        "reply_to": _addresses(message.reply_to),
    }


def message_event(row: Mapping[str, Any]) -> Event:
    """Return the event of a record. It is known again by its id, and has changed where the listing shows another."""
    identity = blake2b(str(row["id"]).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    detail = Detail.MISSING if row["blob"] is None else Detail.WHOLE
    fields = {name: row.get(name) for name in _WITH_COLUMNS}
    return Event(row["time"], identity, bytes.fromhex(row["listing"]), detail, one_line(row), fields)


def _addresses(addresses: Sequence[Address]) -> list[dict[str, str]]:
    return [{"name": address.name, "address": address.address} for address in addresses]


def _marks_of(raw: bytes) -> Marks | None:
    """Return by what the mailbox's own mail takes the place of one that was imported from a file before.

    Two mails of the mailbox differ by their ids, also those of one Message-ID; an imported one has no id that counts.
    """
    record = parse(raw)
    if not isinstance(record, dict) or not record.get("message_id"):
        return None
    is_imported = record.get("source") == IMPORTED
    others = {"time": record.get("time"), **({} if is_imported else {"id": record.get("id")})}
    return Marks(str(record["message_id"]), others)


MESSAGE_ROWS: Final = RowFormat(
    COLUMNS,
    partial(read, COLUMNS),
    event_reader(_NEEDED, message_event),
    _marks_of,
    arrays=partial(arrays_of, COLUMNS),
    id_column="id",
    outcome_column="kind",
    blob_column="blob",
)
