"""Attachments as files: each beneath the day of its mail, two of one name kept apart."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection
from pathlib import Path, PurePosixPath
from typing import Final

from mailevents_dagster.files.atomic import make_folder
from mailevents_dagster.sources.mailbox.delivery.mail import SavedAttachment, SavedFile
from mailevents_dagster.sources.messages.message import AttachmentHead

Taken = Callable[[str], Collection[str]]
"""Return the names that are taken already in a folder of a day."""
BUFFER: Final = 2**18
BINARY: Final[int] = getattr(os, "O_BINARY", 0)
"""Windows would write line ends of its own."""


class FileNames:
    """The names that are given to files of one delivery. Capitals and small letters are the same, as on Windows."""

    def __init__(self, taken: Taken) -> None:
        self._taken = taken
        self._given: dict[str, set[str]] = {}
        self._next: defaultdict[tuple[str, str], int] = defaultdict(lambda: 2)

    def give(self, folder: str, name: str) -> str:
        """Return the name, or `stem_2.suffix`, with a higher number where that is taken, too."""
        if folder not in self._given:
            self._given[folder] = {one.casefold() for one in self._taken(folder)}
        given, path = self._given[folder], PurePosixPath(name)
        key, found = (folder, name.casefold()), name
        while found.casefold() in given:
            found = f"{path.stem}_{self._next[key]}{path.suffix}"
            self._next[key] += 1
        given.add(found.casefold())
        return found


class AttachmentFile:
    """A file that takes the content of an attachment."""

    def __init__(self, folder: Path, name: str, given_name: str) -> None:
        self._name = name
        self._given_name = given_name
        self._path = folder / name
        self._size = 0
        self._digest = hashlib.sha256()
        handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | BINARY, 0o600)
        self._file = os.fdopen(handle, "wb", BUFFER)

    def write(self, data: bytes, /) -> None:
        self._file.write(data)
        self._digest.update(data)
        self._size += len(data)

    def close(self) -> None:
        self._file.close()

    @property
    def saved(self) -> SavedAttachment:
        return SavedAttachment(SavedFile(self._name, self._size, self._digest.hexdigest()), self._given_name)

    def discard(self) -> None:
        self.close()
        self._path.unlink(missing_ok=True)


class MailAttachments:
    """The attachments of one mail, written while it is read."""

    def __init__(self, folder: Path, day: str, names: FileNames) -> None:
        self._folder = folder
        self._day = day
        self._names = names
        self.files: list[AttachmentFile] = []

    def begin(self, head: AttachmentHead) -> AttachmentFile:
        """Return the file of an attachment whose content comes next."""
        if not self.files:
            make_folder(self._folder / self._day)
        name = self._names.give(self._day, head.safe_name)
        self.files.append(AttachmentFile(self._folder, f"{self._day}/{name}", head.name or head.safe_name))
        return self.files[-1]

    def discard(self) -> None:
        for file in self.files:
            file.discard()
