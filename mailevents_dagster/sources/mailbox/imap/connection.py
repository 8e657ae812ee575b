"""One connection to an IMAP server, signed in. Folders are opened read-only (EXAMINE), messages read with PEEK."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, LoginError

from mailevents_dagster.sources.mailbox.certificates import trusting
from mailevents_dagster.sources.mailbox.errors import MailboxError
from mailevents_dagster.sources.mailbox.imap.access import Access
from mailevents_dagster.sources.mailbox.imap.faults import TIMEOUT, AnsweredNoError, refused_login, told, unknown_folder
from mailevents_dagster.sources.mailbox.imap.folders import Folder, folder_of

PIECE: Final = 2**20
"""Bytes of a message that are asked for at once."""
UIDS_AT_ONCE: Final = 500
"""In one command: servers limit the length of a line."""
DAY: Final = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder as it was when it was opened."""

    validity: int
    """While this is the same, a UID means the same message."""
    next_uid: int | None
    total: int


class Connection:
    """A connection, for one thread at a time."""

    def __init__(self, access: Access, token: str | None) -> None:
        where = f"The IMAP server {access.host}:{access.port}"
        context = trusting(access.ca_bundle)
        with told(where):
            self._client = IMAPClient(access.host, access.port, ssl_context=context, timeout=TIMEOUT)
        self._client.folder_encode = False  # names are sent back as they came, whether they are well formed or not
        self._client.normalise_times = False
        self._socket: socket.socket = self._client.socket()
        self.opened: tuple[Folder, Opened] | None = None
        """The folder that is open."""
        try:
            with told(where):
                self._sign_in(access, token)
                self._capabilities = frozenset(self._client.capabilities())
        except BaseException:
            self._shut()
            raise

    def _sign_in(self, access: Access, token: str | None) -> None:
        if token is not None:
            how = "Give the application the right to read the mailbox (IMAP.AccessAsApp, and the mailbox itself)."
            sign_in: Callable[[], object] = lambda: self._client.oauth2_login(access.address, token)  # noqa: E731
        else:
            how = "Check the password; where the provider wants it, make one for applications."
            is_plain = self._client.has_capability("AUTH=PLAIN")
            method = self._client.plain_login if is_plain else self._client.login
            sign_in = lambda: method(access.address, access.password or "")  # noqa: E731
        try:
            sign_in()
        except LoginError as error:
            # The library takes a connection that was cut for a refusal, too.
            text = "" if isinstance(error.__context__, IMAPClientAbortError) else str(error)
        else:
            return
        raise refused_login(text, how)

    @property
    def id_item(self) -> str | None:
        """What to ask for the id that a message keeps in whatever folder; None where the server has none."""
        if b"X-GM-EXT-1" in self._capabilities:
            return "X-GM-MSGID"
        return "EMAILID" if b"OBJECTID" in self._capabilities else None

    def folders(self) -> list[Folder]:
        """Return the folders that can hold messages."""
        with told("The list of folders"):
            found = self._client.list_folders()
        return [folder for flags, delimiter, name in found if (folder := folder_of(flags, delimiter, name))]

    def open(self, folder: Folder, *, again: bool = False) -> Opened:
        """Open a folder to read, unless it is open; again, to see what came since."""
        if self.opened and self.opened[0] == folder and not again:
            return self.opened[1]
        self.opened = None
        if not folder.name.isascii():
            raise unknown_folder()
        try:
            with told("A folder"):
                answer = self._client.select_folder(folder.name, readonly=True)
        except AnsweredNoError as error:
            if error.is_passing and folder not in self.folders():  # not every server says why it refuses
                error.is_passing, error.is_gone = False, True
            raise
        opened = Opened(int(answer.get(b"UIDVALIDITY", 0)), answer.get(b"UIDNEXT"), int(answer[b"EXISTS"]))
        self.opened = (folder, opened)
        return opened

    def uids(self, first: int, end: int) -> list[int]:
        """Return the messages that came in a window and up to two days around it.

        Servers compare by days, of whatever time zone.
        """
        criteria: list[str | date] = ["SINCE", _day(first) - DAY, "BEFORE", _day(end) + 2 * DAY]
        with told("A search by days"):
            return sorted(self._client.search(criteria))

    def fetch(self, uids: Sequence[int], items: Sequence[str]) -> Iterator[tuple[int, Mapping[bytes, Any]]]:
        """Yield what the server says of these messages; nothing of those that are gone."""
        for at in range(0, len(uids), UIDS_AT_ONCE):
            with told("A listing of messages"):
                found = self._client.fetch(uids[at : at + UIDS_AT_ONCE], items)
            yield from sorted(found.items())

    def fetch_all(self, total: int, items: Sequence[str]) -> Iterator[Mapping[bytes, Any]]:
        """Yield what the server says of every message in the open folder, by their numbers: UIDs have gaps."""
        for first in range(1, total + 1, UIDS_AT_ONCE):
            self._client.use_uid = False
            try:
                with told("A listing of all ids"):
                    found = self._client.fetch(range(first, min(total + 1, first + UIDS_AT_ONCE)), [*items, "UID"])
            finally:
                self._client.use_uid = True
            yield from (answer for _, answer in sorted(found.items()))

    def piece(self, uid: int, offset: int) -> bytes | None:
        """Return up to PIECE bytes of a message from here on, none behind its end; None where the message is gone."""
        with told("A message"):
            answer = self._client.fetch([uid], [f"BODY.PEEK[]<{offset}.{PIECE}>"]).get(uid)
        if answer is None:
            return None
        found = (value for key, value in answer.items() if key.startswith(b"BODY[]"))
        return bytes(next(found, None) or b"")

    def end(self) -> None:
        """Cut the connection, from whatever thread: who waits for an answer gets an error."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give back the connection; politely, if the server still hears."""
        with suppress(MailboxError), told("The end of a connection"):
            self._client.logout()
        self._shut()

    def _shut(self) -> None:
        with suppress(OSError):  # it may be shut already
            self._client.shutdown()


def _day(at: int) -> date:
    return datetime.fromtimestamp(at, UTC).date()
