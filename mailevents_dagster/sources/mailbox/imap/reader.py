"""A mailbox by IMAP as what collects it reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from mailevents_dagster.sources.client import Attempt
from mailevents_dagster.sources.mailbox.imap.access import Access
from mailevents_dagster.sources.mailbox.imap.connection import PIECE, Connection
from mailevents_dagster.sources.mailbox.imap.connections import Connections
from mailevents_dagster.sources.mailbox.imap.faults import AnsweredNoError
from mailevents_dagster.sources.mailbox.imap.folders import Folder, in_order
from mailevents_dagster.sources.mailbox.imap.mails import ID_ITEMS, Ids, Key, Mail, seen
from mailevents_dagster.sources.mailbox.imap.window import Arrivals, Window
from mailevents_dagster.sources.mailbox.reader import Fetched, FolderIds, Held, Listed, NotHadError, Sink


class ImapReader:
    """One mailbox. Threads may fetch at once. Nothing in it is changed, nor marked as read."""

    def __init__(self, access: Access) -> None:
        self.observe: Callable[[Attempt], object] = lambda _: None
        self.listings = 0
        self._connections = Connections(access)
        self._connections.observe = self._observe
        self._arrivals = Arrivals()

    def _observe(self, attempt: Attempt) -> None:
        self.observe(attempt)

    @property
    def clock(self) -> float | None:
        """IMAP does not say what time it is."""
        return None

    def rows(self, first: int, end: int) -> Iterator[Listed]:
        """Yield what came in the window, in whatever folder; sent mail has the time at which it was put there."""
        window = Window(self._connections, self._arrivals, first, end)
        yield from window.mails()
        self.listings += window.listings

    def fetch(self, listed: Listed, blob: Sink) -> Fetched:
        """Stream the message; where it was moved since it was listed, from where it lies now."""
        if not isinstance(listed, Mail):
            raise TypeError("this mail was not listed here")
        if not self._stream(listed, blob):
            moved = (mail for mail in self.rows(listed.time, listed.time + 1) if mail.id == listed.id)
            if not any(isinstance(mail, Mail) and self._stream(mail, blob) for mail in moved):
                raise NotHadError("It was deleted since it was listed.", is_gone=True)
        return Fetched()

    def _stream(self, mail: Mail, blob: Sink) -> bool:
        """Write the message a piece at a time, whatever connections are cut meanwhile; False where it is not there."""
        offset = 0
        while (piece := self._piece(mail, offset)) is not None:
            blob.write(piece)
            offset += len(piece)
            # The size need not be exact: a short piece is the last one, if nothing is behind it.
            if not piece or (len(piece) < PIECE and offset >= (mail.size or 0)):
                if not offset and mail.size:
                    raise NotHadError("The server hands out nothing of it.")
                return True
        if offset:
            raise NotHadError("It was deleted or moved while it was read.")
        return False

    def _piece(self, mail: Mail, offset: int) -> bytes | None:
        folder = mail.within

        def read(connection: Connection) -> bytes | None:
            if connection.open(folder).validity != mail.validity:
                return None
            return connection.piece(mail.uid, offset)

        try:
            return self._connections.ask(read, folder)
        except AnsweredNoError as error:
            if error.is_gone:
                return None
            raise NotHadError("The server refuses to hand it out.") from None

    def ids(self) -> Iterator[FolderIds]:
        numbers, ids = Ids(), set[str]()
        folders = in_order(self._connections.ask(Connection.folders))
        has_views = any(folder.is_view for folder in folders)
        for folder in folders:
            try:
                opened = self._connections.ask(partial(Connection.open, folder=folder, again=True))
            except AnsweredNoError as error:
                if error.is_gone:
                    continue
                raise
            mails = self._held(folder, numbers)
            if has_views:  # they have what others have, and of that nothing is said again
                mails = _unseen(mails, ids)
            yield FolderIds(folder.path, None if folder.is_view else opened.total, mails)
            numbers.end_of_folder()

    def _held(self, folder: Folder, numbers: Ids) -> Iterator[Held]:
        def look(connection: Connection) -> list[tuple[Key, int | None]]:
            opened = connection.open(folder, again=True)
            items = [*ID_ITEMS, connection.id_item] if connection.id_item else ID_ITEMS
            mails = (seen(answer, connection.id_item) for answer in connection.fetch_all(opened.total, items))
            return [(mail.key, None if mail.is_draft or folder.holds_drafts else mail.time) for mail in mails]

        for key, time in self._connections.ask(look, folder):
            yield Held(numbers.of(key, folder), time)

    def stop(self) -> None:
        self._connections.stop()

    def close(self) -> None:
        self._connections.close()


def _unseen(mails: Iterator[Held], seen_ids: set[str]) -> Iterator[Held]:
    for mail in mails:
        if mail.id not in seen_ids:
            seen_ids.add(mail.id)
            yield mail
