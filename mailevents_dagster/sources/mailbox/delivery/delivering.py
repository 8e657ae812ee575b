"""Deliver what waits in the outbox: made into a database, uploaded, and only then settled.

A mail is part of one database, whatever is killed when. A database is made and sealed before anything is uploaded, and
the same one is uploaded after a kill, under the same names. It is noted when the server has all of it, before it gets
its name, which is when its reader sees it: after a kill in that moment the server is asked whether it has the name.
Only then are its mails settled, in one transaction.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Final, Protocol

from mailevents_dagster.deliveries.message import Answer, Refused, Taken, Waiting
from mailevents_dagster.deliveries.outbox import FIRST, ElsewhereError, Outbox, leave
from mailevents_dagster.deliveries.sftp import PART, SftpFolder
from mailevents_dagster.deliveries.sftp_failures import NameTakenError, SftpAccess, SftpError
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.printable import counted
from mailevents_dagster.sources.mailbox.delivery.database import build, database_name
from mailevents_dagster.sources.mailbox.delivery.mail import DatabaseSettings, Mail
from mailevents_dagster.sources.mailbox.delivery.noting import NotedMail
from mailevents_dagster.sources.mailbox.delivery.spool import Prepared, Spool
from mailevents_dagster.sources.mailbox.delivery.uploading import Report, upload

MOST_MAILS: Final = 10_000
MOST_BYTES: Final = 2**31
"""Of the raw mails of one database."""
PAUSES: Final = (1.0, 5.0, 15.0)
"""Seconds between tries while the line is cut."""
_LOG: Final = logging.getLogger(__name__)


class OpenBlobs(Protocol):
    """Where raw messages lie."""

    def open(self, sha256: str, /) -> IO[bytes]:
        """Return a message; DamagedError where it is gone or damaged."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What delivering did."""

    databases: tuple[str, ...] = ()
    """In the order in which they were delivered."""
    mails: int = 0
    aside: int = 0
    """So many mails will never go: their raw messages are gone."""
    notes: tuple[str, ...] = ()
    """What somebody should know."""
    is_elsewhere: bool = False
    """Another process delivers these mails; this one did nothing."""


@dataclass(frozen=True, slots=True)
class Delivering:
    """What is needed to deliver the mails of one mailbox to one folder of a server."""

    outbox: Outbox
    destination: str
    """As the outbox knows it."""
    spool: Spool
    access: SftpAccess
    blobs: OpenBlobs
    settings: DatabaseSettings
    stop: threading.Event
    report: Report = lambda _: None

    def run(self) -> Delivered:
        """Deliver all that waits, or raise SftpError; what arrived before is settled.

        Where another process is at it, this returns at once.
        """
        try:
            with self.outbox.holding(self.destination, leave):
                return self._run()
        except ElsewhereError:
            return Delivered(is_elsewhere=True)

    def _run(self) -> Delivered:
        done = Delivered()
        for pause in (*PAUSES, None):
            try:
                while self._waits():
                    with self.outbox.holding(str(self.access)), SftpFolder(self.access, self.stop) as server:
                        done = _added(done, self._deliver_one(server))
            except SftpError as error:
                if not error.is_passing or pause is None:
                    raise
                _LOG.warning("%s. Trying again in %g s.", error, pause)
                self.stop.wait(pause)
            else:
                break
        return done

    def _waits(self) -> bool:
        return not self.stop.is_set() and bool(self.outbox.waiting(self.destination, FIRST, 1))

    def _deliver_one(self, server: SftpFolder) -> Delivered:
        """Deliver one database: that which is on its way, or a new one."""
        notes: list[str] = []
        prepared = self._on_its_way(notes)
        if prepared is None:
            notes += self._begun_elsewhere(server)
            made, aside = self._make(server)
            if made is None:
                return Delivered(aside=aside, notes=tuple(notes))
            prepared = made
        else:
            aside = 0
        try:
            notes += self._hand_over(server, prepared)
        except NameTakenError as error:  # by another machine, since the names were chosen: the next try has others
            self.outbox.mark_tried(self.destination, prepared.keys)  # as part of nothing: the name is not theirs
            server.remove(f"{error.name}{PART}")
            self.spool.clear()
            raise
        name = prepared.database.name
        still = self._waiting_among(prepared.keys)
        self._settle([(waiting, Taken(name)) for waiting in still])
        self.spool.clear()
        return Delivered((name,), len(prepared.keys), aside, tuple(notes))

    def _on_its_way(self, notes: list[str]) -> Prepared | None:
        """Return what was prepared and not settled; what cannot be uploaded any longer is forgotten and made anew."""
        try:
            prepared = self.spool.prepared()
        except DamagedError as error:
            notes.append(str(error))
            return None
        if prepared is None:
            return None
        is_settled = not self._waiting_among(prepared.keys)
        if is_settled or not (prepared.is_being_named or self.spool.is_whole(prepared)):
            self.spool.clear()
            return None
        return prepared

    def _begun_elsewhere(self, server: SftpFolder) -> Iterator[str]:
        """Settle what another machine gave its name and did not settle; yield what somebody should know."""
        named: dict[str, list[Waiting]] = {}
        for waiting in self._batch():
            if waiting.part_of:
                named.setdefault(waiting.part_of, []).append(waiting)
        for name, mails in named.items():
            if server.size_of(f"{name}{PART}") is not None:
                server.remove(f"{name}{PART}")  # it did not get its name, and cannot any more
                continue
            if server.size_of(name) is None:
                yield _taken(name, len(mails))
            self._settle([(waiting, Taken(name)) for waiting in mails])

    def _make(self, server: SftpFolder) -> tuple[Prepared | None, int]:
        """Make a database of what waits, and seal it; return it, and how many mails had to be set aside."""
        batch = list(self._batch())
        noted = {one.message.key: NotedMail.from_body(one.message.body) for one in batch}
        ids, lost = {mail.id: key for key, mail in noted.items()}, dict[str, Answer]()

        def unreadable(mail: Mail, error: DamagedError) -> None:
            lost[ids[mail.id]] = Refused(f"its raw message cannot be read: {error}")

        now = time.time()
        name = database_name(now, self.settings.timezone, {*server.names(""), *self.spool.past.names})
        mails = (mail.with_raw(self.blobs.open) for mail in noted.values())
        made = build(mails, self.spool.begin(), name, self.settings, taken=server.names, unreadable=unreadable)
        self._settle([(one, lost[one.message.key]) for one in batch if one.message.key in lost])
        if not made.mails:
            self.spool.clear()
            return None, len(lost)
        keys = tuple(key for key in noted if key not in lost)
        prepared = Prepared(made.database, made.attachments, keys)
        self.spool.seal(prepared, now)
        return prepared, len(lost)

    def _batch(self) -> Iterator[Waiting]:
        """Yield what goes into one database."""
        size = 0
        for waiting in self.outbox.waiting(self.destination, FIRST, MOST_MAILS):
            yield waiting
            size += NotedMail.from_body(waiting.message.body).size
            if size >= MOST_BYTES:
                return

    def _hand_over(self, server: SftpFolder, prepared: Prepared) -> Iterator[str]:
        """Upload attachments, then the database, and give it its name last; yield what somebody should know."""
        database = prepared.database
        part = f"{database.name}{PART}"
        if prepared.is_being_named and server.size_of(part) is None:
            if server.size_of(database.name) is None:
                yield _taken(database.name, len(prepared.keys))
            return
        if not prepared.is_being_named or server.digest(part) != database.sha256:
            upload(server, self.spool.files, prepared.attachments, database, self.report)
        self.spool.note_naming(prepared)
        self.outbox.mark_tried(self.destination, prepared.keys, part_of=database.name)
        server.publish(database.name)

    def _waiting_among(self, keys: Sequence[str]) -> list[Waiting]:
        wanted, place, found = set(keys), FIRST, list[Waiting]()
        while len(found) < len(wanted) and (page := self.outbox.waiting(self.destination, place, MOST_MAILS)):
            found += [one for one in page if one.message.key in wanted]
            place = page[-1].message.time, page[-1].message.key
        return found

    def _settle(self, answers: Sequence[tuple[Waiting, Answer]]) -> None:
        self.outbox.settle(self.destination, answers)


def _taken(name: str, mails: int) -> str:
    return (
        f"{name} was whole on the server when delivering was interrupted, and is not there any longer: it counts as "
        f"taken by its reader, with {counted(mails, 'mail')}. If that never saw it, deliver its day again."
    )


def _added(one: Delivered, other: Delivered) -> Delivered:
    return Delivered(
        one.databases + other.databases, one.mails + other.mails, one.aside + other.aside, one.notes + other.notes
    )
