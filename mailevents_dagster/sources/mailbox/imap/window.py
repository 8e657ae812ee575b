"""One window of time in all folders of a mailbox, listed until no folder got something while that went on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from functools import partial
from typing import Final

from mailevents_dagster.sources.mailbox.errors import Cause
from mailevents_dagster.sources.mailbox.imap.connection import Connection, Opened
from mailevents_dagster.sources.mailbox.imap.connections import Connections
from mailevents_dagster.sources.mailbox.imap.faults import AnsweredNoError
from mailevents_dagster.sources.mailbox.imap.folders import Folder, in_order
from mailevents_dagster.sources.mailbox.imap.mails import ITEMS, Ids, Mail, Seen, arrival, listed, seen

ROUNDS: Final = 3
"""Times that the folders are gone through; a mail that is moved all the while is found by a later listing."""
ARRIVALS_KEPT: Final = 200_000
"""Of one folder; more are asked for again."""

logger = logging.getLogger(__name__)

Place = tuple[Folder, int]
"""A folder, and the validity of its UIDs."""


class Arrivals:
    """When the mails came that were near a window: neighbouring hours ask for the same days."""

    def __init__(self) -> None:
        self._kept: dict[Place, dict[int, int | None]] = {}

    def within(self, connection: Connection, place: Place, first: int, end: int) -> list[int]:
        """Return the UIDs of those that came in the window, and of those whose arrival is no date."""
        uids = connection.uids(first, end)
        kept = dict(self._kept.get(place, {}))  # another thread may list the next window
        unknown = [uid for uid in uids if uid not in kept]
        kept.update((uid, arrival(answer)) for uid, answer in connection.fetch(unknown, ["INTERNALDATE"]))
        self._kept[place] = kept if len(kept) < ARRIVALS_KEPT else {}
        return [uid for uid in uids if uid in kept and _is_within(kept[uid], first, end)]


def _is_within(at: int | None, first: int, end: int) -> bool:
    return at is None or first <= at < end


class Window:
    """The mails that came in a window. Made for one listing."""

    def __init__(self, connections: Connections, arrivals: Arrivals, first: int, end: int) -> None:
        self._connections = connections
        self._arrivals = arrivals
        self._first = first
        self._end = end
        self._known: dict[tuple[Place, int], Seen] = {}
        self._closed = set[Folder]()
        """Folders that cannot be opened, though they are listed."""
        self.listings = 0

    def mails(self) -> Iterator[Mail]:
        """Yield each mail once."""
        ids = set[str]()
        for _ in range(ROUNDS):
            was: dict[Folder, Opened | None] = {}
            numbers = Ids()
            for folder in in_order(self._connections.ask(Connection.folders)):
                was[folder] = None
                for mail in self._in(folder, was, numbers):
                    if mail.id not in ids:
                        ids.add(mail.id)
                        yield mail
                numbers.end_of_folder()
            if not self._has_changed(was):
                break
        if self._closed:
            logger.warning(
                f"{len(self._closed):,} folders are listed and cannot be opened; they are left out. Give the user the "
                f"right to read them."
            )

    def _in(self, folder: Folder, was: dict[Folder, Opened | None], numbers: Ids) -> Iterator[Mail]:
        """Yield the mails of a folder; nothing where it is gone since it was listed, or may not be read."""

        def look(connection: Connection) -> tuple[Opened, list[int]]:
            opened = connection.open(folder, again=True)
            place = folder, opened.validity
            uids = self._arrivals.within(connection, place, self._first, self._end)
            unknown = [uid for uid in uids if (place, uid) not in self._known]
            items = [*ITEMS, connection.id_item] if connection.id_item else ITEMS
            for uid, answer in connection.fetch(unknown, items):
                self._known[place, uid] = seen(answer, connection.id_item)
            return opened, [uid for uid in uids if (place, uid) in self._known]

        try:
            opened, uids = self._connections.ask(look, folder)
        except AnsweredNoError as error:
            if not error.is_gone and error.cause is not Cause.PERMISSION:
                raise
            self._closed.add(folder)
            return
        self._closed.discard(folder)
        self.listings += 1
        was[folder] = opened
        for uid in uids:
            mail = self._known[(folder, opened.validity), uid]
            if mail.is_draft or folder.holds_drafts or not _is_within(mail.time, self._first, self._end):
                continue
            yield listed(mail, numbers.of(mail.key, folder), folder, opened.validity, uid)

    def _has_changed(self, was: dict[Folder, Opened | None]) -> bool:
        """Return whether a folder came, went, or got something since it was looked at."""
        now = set(self._connections.ask(Connection.folders))
        self._closed &= now
        if now != set(was):
            return True
        for folder, before in was.items():
            if before is None:
                continue
            try:
                after = self._connections.ask(partial(Connection.open, folder=folder, again=True))
            except AnsweredNoError as error:
                if not error.is_gone:
                    raise
                return True
            if (before.validity, before.next_uid) != (after.validity, after.next_uid):
                return True
            if before.next_uid is None and before.total != after.total:
                return True
        return False
