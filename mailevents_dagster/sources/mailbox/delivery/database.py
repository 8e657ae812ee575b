"""The database of mails that another system reads: its tables, made in one transaction beside the attachments."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Final
from zoneinfo import ZoneInfo

from mailevents_dagster.files.atomic import make_folder, replace, sync_folder
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.sources.mailbox.delivery.attachments import FileNames, MailAttachments, Taken
from mailevents_dagster.sources.mailbox.delivery.mail import (
    ATTACHMENT_COLUMNS,
    MAIL_COLUMNS,
    MORE_ATTACHMENT_COLUMNS,
    MORE_MAIL_COLUMNS,
    DatabaseSettings,
    Mail,
    SavedFile,
    attachment_values,
    day_folder,
    mail_values,
)
from mailevents_dagster.sources.messages.reading import read_message

CHUNK: Final = 2**18
MOST_TEXT: Final = 2**26
"""Bytes of a text in a row: pictures may be part of HTML."""
_NUMBERS: Final = {"parent_id", "file_size"}
_TABLE: Final = "CREATE TABLE {} (id INTEGER PRIMARY KEY AUTOINCREMENT, {})"
Unreadable = Callable[[Mail, DamagedError], object]
"""Told of a mail whose raw message is gone or damaged; it is left out."""


@dataclass(frozen=True, slots=True)
class Made:
    """A database and its attachments, as files below one folder."""

    database: SavedFile
    attachments: tuple[SavedFile, ...]
    mails: int


def database_name(now: float, timezone: str, taken: Collection[str], day: str | None = None) -> str:
    """Return the name of a database of this minute, or of another day at this time of day; none that is taken."""
    at = datetime.fromtimestamp(now, ZoneInfo(timezone))
    stem = f"fm_{day or at.strftime('%Y_%m_%d')}_{at.strftime('%H%M')}"
    number, name = 1, f"{stem}.db"
    while name in taken:
        number += 1
        name = f"{stem}_{number}.db"
    return name


def make_database(
    mails: Iterable[Mail],
    folder: Path,
    settings: DatabaseSettings,
    *,
    name: str | None = None,
    unreadable: Unreadable | None = None,
) -> Path:
    """Put a database of the mails into a folder, with their attachments; return its path.

    The database comes last. Without `unreadable`, a mail that cannot be read raises DamagedError.
    """
    make_folder(folder)
    name = name or database_name(time.time(), settings.timezone, [one.name for one in folder.iterdir()])
    partial = partial_folder(folder, name)
    try:
        made = build(mails, partial, name, settings, taken=lambda day: names_in(folder / day), unreadable=unreadable)
        move(made, partial, folder)
    finally:
        shutil.rmtree(partial)
    return folder / name


def partial_folder(folder: Path, name: str) -> Path:
    """Return an empty folder to make a database in, beside the place where it goes."""
    partial = folder / f".{name}.partial"
    if partial.exists():  # of a process that was killed
        shutil.rmtree(partial)
    make_folder(partial)
    return partial


def move(made: Made, folder: Path, goal: Path) -> None:
    """Put what was made into the folder where it stays, the database last."""
    for file in (*made.attachments, made.database):
        make_folder((goal / file.name).parent)
        replace(folder / file.name, goal / file.name)
    sync_folder(goal)


def build(
    mails: Iterable[Mail],
    folder: Path,
    name: str,
    settings: DatabaseSettings,
    *,
    taken: Taken = lambda _: (),
    unreadable: Unreadable | None = None,
) -> Made:
    """Make a database of the mails and their attachments in an empty folder; the database is durable."""
    names, count, files = FileNames(taken), 0, list[SavedFile]()
    with _writing(folder / name, settings) as database:
        for mail in mails:
            attachments = MailAttachments(folder, day_folder(mail.time, settings.timezone), names)
            try:
                _add(database, mail, attachments, settings)
            except DamagedError as error:
                attachments.discard()
                if unreadable is None:
                    raise
                unreadable(mail, error)
                continue
            except BaseException:
                attachments.discard()
                raise
            files += [one.saved.file for one in attachments.files]
            count += 1
    path = folder / name
    return Made(SavedFile(name, path.stat().st_size, digest_of(path) or ""), tuple(files), count)


def _add(database: sqlite3.Connection, mail: Mail, attachments: MailAttachments, settings: DatabaseSettings) -> None:
    with mail.open() as raw:
        message = read_message(_chunks(raw), attachments.begin, most_text=MOST_TEXT)
    columns = (*MAIL_COLUMNS, *(MORE_MAIL_COLUMNS if settings.is_extended else ()))
    parent = database.execute(_insert("fund_mail", columns), mail_values(mail, message, settings)).lastrowid
    columns = (*ATTACHMENT_COLUMNS, *(MORE_ATTACHMENT_COLUMNS if settings.is_extended else ()))
    database.executemany(
        _insert("fund_mail_attach", columns),
        [attachment_values(parent or 0, mail, file.saved, settings) for file in attachments.files],
    )


@contextmanager
def _writing(path: Path, settings: DatabaseSettings) -> Iterator[sqlite3.Connection]:
    """Yield a new database for one transaction, which is durable when the block ends well."""
    path.touch(mode=0o600)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("BEGIN")
        database.execute(_create("fund_mail", MAIL_COLUMNS, MORE_MAIL_COLUMNS if settings.is_extended else ()))
        more = MORE_ATTACHMENT_COLUMNS if settings.is_extended else ()
        database.execute(_create("fund_mail_attach", ATTACHMENT_COLUMNS, more))
        yield database
        database.execute("COMMIT")


def _create(table: str, columns: Sequence[str], more: Sequence[str]) -> str:
    typed = (f"{name} {'INTEGER' if name in _NUMBERS else 'TEXT'}" for name in (*columns, *more))
    return _TABLE.format(table, ", ".join(typed))


def _insert(table: str, columns: Sequence[str]) -> str:
    marks = ", ".join("?" * len(columns))
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})"  # noqa: S608  our own names alone


def _chunks(raw: IO[bytes]) -> Iterator[bytes]:
    while chunk := raw.read(CHUNK):
        yield chunk


def names_in(folder: Path) -> list[str]:
    """Return the names in a folder; none where it is not there."""
    return [one.name for one in folder.iterdir()] if folder.exists() else []
