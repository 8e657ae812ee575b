"""Properties of MAPI: their numbers, and their values as texts, numbers and times.

Numbers and types are those of Microsoft's MS-OXPROPS and MS-OXCDATA.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from typing import Final

from mailevents_dagster.sources.mailbox.pst.library import Item
from mailevents_dagster.sources.messages.codepages import decoded

TEXT_8_BIT: Final = 0x1E
TEXT: Final = 0x1F

TICKS: Final = 10_000_000
"""Of a second, in which times count since 1601."""
BEGINNING: Final = 11_644_473_600
"""Seconds from 1601 to 1970."""

LAST: Final = 79_870_665_600
"""1 January 4501, by which Outlook says that there is no time."""


class Tag(IntEnum):
    """The numbers of properties."""

    IMPORTANCE = 0x0017
    MESSAGE_CLASS = 0x001A
    REPORT_TIME = 0x0032
    SUBJECT = 0x0037
    CLIENT_SUBMIT_TIME = 0x0039
    SENT_REPRESENTING_NAME = 0x0042
    START_DATE = 0x0060
    END_DATE = 0x0061
    SENT_REPRESENTING_ADDRESS_TYPE = 0x0064
    SENT_REPRESENTING_ADDRESS = 0x0065
    CONVERSATION_TOPIC = 0x0070
    CONVERSATION_INDEX = 0x0071
    TRANSPORT_HEADERS = 0x007D
    RECIPIENT_TYPE = 0x0C15
    SENDER_NAME = 0x0C1A
    SUPPLEMENTARY_INFO = 0x0C1B
    SENDER_ADDRESS_TYPE = 0x0C1E
    SENDER_ADDRESS = 0x0C1F
    DELIVERY_TIME = 0x0E06
    MESSAGE_FLAGS = 0x0E07
    RECORD_KEY = 0x0FF9
    BODY = 0x1000
    REPORT_TEXT = 0x1001
    RTF_COMPRESSED = 0x1009
    HTML = 0x1013
    MESSAGE_ID = 0x1035
    REFERENCES = 0x1039
    IN_REPLY_TO = 0x1042
    DISPLAY_NAME = 0x3001
    ADDRESS_TYPE = 0x3002
    ADDRESS = 0x3003
    CREATION_TIME = 0x3007
    MODIFICATION_TIME = 0x3008
    SEARCH_KEY = 0x300B
    IPM_SUBTREE = 0x35E0
    SENT_MAIL = 0x35E4
    ATTACHMENT_NAME_8_3 = 0x3704
    ATTACHMENT_METHOD = 0x3705
    ATTACHMENT_NAME = 0x3707
    ATTACHMENT_TYPE = 0x370E
    ATTACHMENT_CONTENT_ID = 0x3712
    ATTACHMENT_LOCATION = 0x3713
    ATTACHMENT_FLAGS = 0x3714
    SMTP_ADDRESS = 0x39FE
    INTERNET_CODEPAGE = 0x3FDE
    MESSAGE_CODEPAGE = 0x3FFD
    SENDER_SMTP_ADDRESS = 0x5D01
    SENT_REPRESENTING_SMTP_ADDRESS = 0x5D02
    ATTACHMENT_HIDDEN = 0x7FFE


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of an item; those of a list are of its several sets."""

    item: Item
    codepage: int
    """Of texts that are not in Unicode."""
    of_set: int = 0

    def text(self, tag: Tag) -> str:
        """Return a text, empty where there is none. NULs at its end, which some programs write, are no part of it."""
        found = self.item.value(tag, self.of_set)
        if not found:
            return ""
        kind, value = found
        if kind == TEXT:
            return value.decode("utf-16-le", "replace").rstrip("\0")
        return decoded(value, self.codepage).rstrip("\0") if kind == TEXT_8_BIT else ""

    def first_text(self, *tags: Tag) -> str:
        """Return the first text that is not empty."""
        return next(filter(None, map(self.text, tags)), "")

    def number(self, tag: Tag) -> int:
        """Return a number, zero where there is none."""
        found = self.item.value(tag, self.of_set)
        return int.from_bytes(found[1][:8], "little") if found else 0

    def bytes(self, tag: Tag) -> bytes:
        found = self.item.value(tag, self.of_set)
        return found[1] if found else b""

    def time(self, tag: Tag) -> datetime | None:
        """Return a time, or None where there is none, or none that a calendar has."""
        ticks = self.number(tag)
        seconds = ticks / TICKS - BEGINNING
        return datetime.fromtimestamp(seconds, UTC) if ticks and 0 <= seconds < LAST else None
