"""The delivery of a mailbox that is on its way: made once, kept until the server has it, the same after a kill."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from mailevents_dagster.files.atomic import make_folder, sync_folder
from mailevents_dagster.files.checksummed import read_value, write_sealed
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.sources.mailbox.delivery.mail import SavedFile

NAMES_KEPT: Final = 500
"""The last databases whose names are not given again: more than those of a day."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A database and its attachments that are made, and what they hold."""

    database: SavedFile
    attachments: tuple[SavedFile, ...]
    keys: tuple[str, ...]
    """Of its mails, as the outbox knows them."""
    is_being_named: bool = False
    """The server has all of it, read back; only the database may still lack its name."""

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Prepared:
        return cls(
            SavedFile(**content["database"]),
            tuple(SavedFile(**one) for one in content["attachments"]),
            tuple(content["keys"]),
            content["is_being_named"],
        )


@dataclass(frozen=True, slots=True)
class Past:
    """What was delivered before."""

    names: tuple[str, ...] = ()
    """Of the last databases."""
    at: float = 0.0
    """When the last of them was made."""

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Past:
        return cls(tuple(content["names"]), float(content["at"]))


class Spool:
    """The folder of what one mailbox has on its way. Whoever uses it holds the lock of its destination."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        """Where the database and the attachments lie."""
        self._prepared = folder / "delivery.json"
        self._past = folder / "past.json"

    @property
    def past(self) -> Past:
        """Return what was delivered before; nothing where that is damaged, since only names hang on it."""
        try:
            return read_value(self._past, Past.from_json, "is no list of databases") or Past()
        except DamagedError:
            set_aside(self._past)
            return Past()

    def begin(self) -> Path:
        """Return the empty folder to make the next delivery in."""
        if self.files.exists():
            shutil.rmtree(self.files)
        make_folder(self.files)
        return self.files

    def seal(self, prepared: Prepared, now: float) -> None:
        """Note that this is what is delivered next: from now on nothing else is made until it has arrived."""
        names = (*self.past.names, prepared.database.name)[-NAMES_KEPT:]
        write_sealed(self._past, asdict(Past(names, now)))
        write_sealed(self._prepared, asdict(prepared))

    def note_naming(self, prepared: Prepared) -> None:
        """Note that the database is about to get its name on the server, by which its reader sees it."""
        write_sealed(self._prepared, asdict(replace(prepared, is_being_named=True)))

    def prepared(self) -> Prepared | None:
        """Return what is on its way, or None; what is damaged is set aside and raises DamagedError."""
        try:
            return read_value(self._prepared, Prepared.from_json, "is no delivery")
        except DamagedError as error:
            aside = set_aside(self._prepared)
            raise DamagedError(
                f"{error}. It was set aside as {aside.name}. Whether that delivery arrived is not known: its mails "
                "are delivered again, in another database."
            ) from error

    def is_whole(self, prepared: Prepared) -> bool:
        """Return whether its files are as they were made: a power cut may have taken some."""
        files: Sequence[SavedFile] = (prepared.database, *prepared.attachments)
        return all(digest_of(self.files / one.name) == one.sha256 for one in files)

    def clear(self) -> None:
        """Forget what was on its way."""
        if self._prepared.exists():
            self._prepared.unlink()
            sync_folder(self.files.parent)
        if self.files.exists():
            shutil.rmtree(self.files)
