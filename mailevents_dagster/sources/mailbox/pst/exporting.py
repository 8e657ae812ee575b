"""Makes the database and the attachment folder that another system reads straight from a PST; the store stays as it is.

What is in the file is in the database, each mail once, oldest first.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.sources.mailbox.delivery.database import make_database
from mailevents_dagster.sources.mailbox.delivery.mail import DatabaseSettings, Mail
from mailevents_dagster.sources.mailbox.pst.composing import composed
from mailevents_dagster.sources.mailbox.pst.importing import ids_of
from mailevents_dagster.sources.mailbox.pst.library import File, PstError
from mailevents_dagster.sources.mailbox.pst.survey import Report, Survey

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


def export_mails(
    file: File, survey: Survey, folder: Path, settings: DatabaseSettings, unreadable: list[str], report: Report
) -> Path:
    """Return the database that was made; what could not be read, or not whole, is added to `unreadable`."""

    def mails() -> Iterator[Mail]:
        order = np.argsort(np.array(survey.times, np.int64), kind="stable")
        for id_, number in ids_of(survey, [int(one) for one in order]).items():
            opening = partial(_opened, file, survey, number, unreadable)
            yield Mail(id_, survey.seconds(number), survey.folder(number).path, opening)
            report(1)

    def left_out(_: Mail, error: DamagedError) -> None:
        unreadable.append(str(error))

    return make_database(mails(), folder, settings, unreadable=left_out)


def _opened(file: File, survey: Survey, mail: int, unreadable: list[str]) -> IO[bytes]:
    name = survey.named(mail)

    def chunks() -> Iterator[bytes]:
        try:
            with survey.opened(file, mail) as item:
                yield from composed(item, file.codepage, lambda fault: unreadable.append(f"{name}: {fault}"))
        except PstError as error:
            raise DamagedError(f"{name}: {error}") from error

    return io.BufferedReader(_Chunks(chunks()))


class _Chunks(io.RawIOBase):
    """Reads chunks as a file, forward."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        view = memoryview(buffer).cast("B")
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = memoryview(chunk)
        size = min(len(view), len(self._rest))
        view[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
