"""The mails of one hour on their way into it: each in a blob, then in the journal, then among the hour's events."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Final

import numpy as np

from mailevents_dagster.files.json_text import parse
from mailevents_dagster.model.event import Event, Placed
from mailevents_dagster.sources.additions import with_all_known
from mailevents_dagster.sources.mailbox.pst.known import FAULT, Known
from mailevents_dagster.sources.mailbox.pst.library import File, PstError
from mailevents_dagster.sources.mailbox.pst.properties import Properties, Tag
from mailevents_dagster.sources.mailbox.pst.survey import Survey
from mailevents_dagster.sources.mailbox.pst.writing import AT_A_TIME, Writing, Written
from mailevents_dagster.sources.mailbox.rows import IMPORTED, message_event, row_of
from mailevents_dagster.store.hour.open_hour import OpenHour

READ: Final = 1
"""The flag of a mail that was read."""
FAULTS_KEPT: Final = 20


@dataclass(frozen=True, slots=True)
class _Begun:
    """A mail that is read from the file and on its way to the disk."""

    id: str
    mail: int
    delivered: int | None
    is_read: bool
    faults: list[str]
    written: Future[Written]


class Adding:
    """Adds mails to an open hour."""

    def __init__(
        self, file: File, survey: Survey, writing: Writing, work: OpenHour, known: Known, *, bodies: bool
    ) -> None:
        self._file = file
        self._survey = survey
        self._writing = writing
        self._work = work
        self._known = known
        self._bodies = bodies
        self._places: list[int] = []
        self._times: list[int] = []
        self.there = 0
        """Mails that the mailbox itself, or another file, had."""
        self.unreadable: list[str] = []

    @property
    def added(self) -> int:
        return len(self._places)

    def add(self, mails: Sequence[tuple[str, int]]) -> Placed:
        """Add the mails that the hour lacks; return all that it has then."""
        begun: deque[_Begun] = deque()
        for id_, mail in mails:
            try:
                if one := self._begin(id_, mail):
                    begun.append(one)
            except PstError as error:
                self.unreadable.append(f"{self._survey.named(mail)}: {error}")
            if len(begun) == AT_A_TIME:
                self._end(begun.popleft())
        while begun:
            self._end(begun.popleft())
        return with_all_known(self._work, np.array(self._places, np.int64), np.array(self._times, np.int64))

    def _begin(self, id_: str, mail: int) -> _Begun | None:
        """Read a mail; None where it is here already."""
        fetched = self._work.journal.get(*_version(id_))
        record = parse(fetched) if fetched else None
        if isinstance(record, dict) and self._writing.blobs.renewed(str(record["blob"])):
            self._put(message_event(record))
            return None
        codepage, faults = self._file.codepage, list[str]()
        with self._writing.reading, self._survey.opened(self._file, mail) as item:
            properties = Properties(item, codepage)
            if self._known.take(properties.text(Tag.MESSAGE_ID), self._survey.seconds(mail)):
                self.there += 1
                return None
            delivered = properties.time(Tag.DELIVERY_TIME)
            is_read = bool(properties.number(Tag.MESSAGE_FLAGS) & READ)
            written = self._writing.write(item, codepage, faults.append)
        return _Begun(id_, mail, int(delivered.timestamp() // 1) if delivered else None, is_read, faults, written)

    def _end(self, one: _Begun) -> None:
        """Take a mail whose blob is durable."""
        written, time = one.written.result(), self._survey.seconds(one.mail)
        if self._known.take(written.message.message_id or written.sha256, time):
            self.there += 1
            return
        found = [f"{FAULT}{fault}" for fault in one.faults[:FAULTS_KEPT]]
        row = row_of(
            replace(written.message, faults=(*written.message.faults, *found)),
            id=one.id,
            folder=self._survey.folder(one.mail).path,
            received=time if one.delivered is None else one.delivered,
            time=time,
            blob=written.sha256,
            size=written.size,
            listing=_version(one.id)[1],
            read=one.is_read,
            source=IMPORTED,
            bodies=self._bodies,
        )
        event = message_event(row)
        self._work.journal.record(event.identity, event.listing, event.raw)
        self.unreadable += (f"{self._survey.named(one.mail)}: {fault}" for fault in one.faults)
        self._put(event)

    def _put(self, event: Event) -> None:
        self._places.append(self._work.add([event])[0])
        self._times.append(event.time)


def _version(id_: str) -> tuple[bytes, bytes]:
    """Return the identity and the listing digest of a mail's event: an item of a PST does not change."""
    digest = blake2b(id_.encode(), digest_size=16).digest()
    return digest, digest
