"""Items of a PST as libpff gives them, made of dictionaries: for what no file at hand holds."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from mailevents_dagster.sources.mailbox.pst.library import PstError
from mailevents_dagster.sources.mailbox.pst.properties import BEGINNING, TICKS, Tag

Value = str | int | bytes | float | Exception


def ticks(time: float) -> int:
    return int((time + BEGINNING) * TICKS)


def stored(value: Value) -> tuple[int, bytes]:
    if isinstance(value, Exception):
        raise value
    if isinstance(value, str):
        return 0x1F, value.encode("utf-16-le", "surrogatepass")
    if isinstance(value, bool | int):
        return 0x03, struct.pack("<q", value)
    if isinstance(value, float):
        return 0x40, struct.pack("<q", ticks(value))
    return 0x102, value


@dataclass
class FakeItem:
    """A mail or an attachment; a list of recipients is one with several sets."""

    values: Mapping[Tag, Value] = field(default_factory=dict)
    files: Sequence[Any] = ()
    people: Sequence[Mapping[Tag, Value]] | Exception = ()
    data: Sequence[bytes | Exception] = ()
    inner: Any = None
    said_size: int | None = None
    of_set: Sequence[Mapping[Tag, Value]] = ()
    identifier: int = 0x200024
    folders: int = 0
    hidden: int = 0

    def __post_init__(self) -> None:
        self.open = 0
        self.left = [*self.data]

    def __enter__(self) -> Self:
        self.open += 1
        self.left = [*self.data]
        return self

    def __exit__(self, *_: object) -> None:
        self.open -= 1

    @property
    def sets(self) -> int:
        return len(self.of_set)

    def value(self, tag: Tag, of_set: int = 0) -> tuple[int, bytes] | None:
        values = self.of_set[of_set] if self.of_set else self.values
        return stored(values[tag]) if tag in values else None

    @property
    def recipients(self) -> FakeItem | None:
        if isinstance(self.people, Exception):
            raise self.people
        return FakeItem(of_set=self.people) if self.people else None

    @property
    def attachments(self) -> int:
        return len(self.files)

    def attachment(self, index: int) -> FakeItem:
        if isinstance(self.files[index], Exception):
            raise self.files[index]
        return self.files[index]

    @property
    def attached_message(self) -> FakeItem:
        if self.inner is None:
            raise PstError("it is not there")
        return self.inner

    @property
    def size(self) -> int:
        if self.said_size is not None:
            return self.said_size
        return sum(len(block) for block in self.data if isinstance(block, bytes))

    def read(self) -> bytes:
        block = self.left.pop(0) if self.left else b""
        if isinstance(block, Exception):
            raise block
        return block


@dataclass
class FakeFile:
    """A PST with one folder of mail."""

    mails: Sequence[FakeItem]
    key: bytes = b"k" * 16
    codepage: int = 1252
    lost: Sequence[FakeItem | Exception] = ()
    folder_name: str = "Inbox"

    @property
    def store(self) -> FakeItem:
        return FakeItem({Tag.RECORD_KEY: self.key})

    @property
    def root(self) -> FakeFolder:
        return FakeFolder("", [], [FakeFolder(self.folder_name, self.mails, [], 0x8022)])

    @property
    def orphans(self) -> int:
        return len(self.lost)

    def orphan(self, index: int) -> FakeItem:
        found = self.lost[index]
        if isinstance(found, Exception):
            raise found
        return found

    def item(self, identifier: int) -> FakeItem:
        return next(mail for mail in self.mails if isinstance(mail, FakeItem) and mail.identifier == identifier)


class FakeFolder(FakeItem):
    def __init__(self, name: str, mails: Sequence[Any], below: Sequence[Any], identifier: int = 0x122) -> None:
        super().__init__({Tag.DISPLAY_NAME: name} if name else {}, identifier=identifier)
        self.mails = mails
        self.below = below
        self.folders = len(below)

    @property
    def messages(self) -> int:
        return len(self.mails)

    def message(self, index: int) -> FakeItem:
        if isinstance(self.mails[index], Exception):
            raise self.mails[index]
        return self.mails[index]

    def folder(self, index: int) -> FakeItem:
        if isinstance(self.below[index], Exception):
            raise self.below[index]
        return self.below[index]


def mail(number: int, time: float, **values: Value) -> FakeItem:
    """Return a mail with some properties, by the names of their tags in small letters."""
    tags = {Tag[name.upper()]: value for name, value in values.items()}
    said = {Tag.MESSAGE_CLASS: "IPM.Note", Tag.DELIVERY_TIME: time, Tag.SUBJECT: f"mail {number}", **tags}
    return FakeItem(said, identifier=0x200004 + 0x20 * number)
