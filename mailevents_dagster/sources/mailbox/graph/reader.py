"""A mailbox of Microsoft 365 as what collects it reads it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import quote, urlencode

from mailevents_dagster.sources.client import Attempt
from mailevents_dagster.sources.mailbox.errors import Cause, MailboxError
from mailevents_dagster.sources.mailbox.graph.calls import Calls
from mailevents_dagster.sources.mailbox.graph.composing import compose
from mailevents_dagster.sources.mailbox.graph.folders import Folder, Folders
from mailevents_dagster.sources.mailbox.graph.messages import (
    SELECT,
    SELECT_IDS,
    Json,
    held_of,
    listed,
    window,
)
from mailevents_dagster.sources.mailbox.graph.refusals import RefusedError
from mailevents_dagster.sources.mailbox.reader import Fetched, FolderIds, Held, Listed, NotHadError, Sink

ROWS_A_PAGE: Final = 250
"""So that an hour of more than 100 mails takes no more than a call for each 100, the one for sent mail included."""
IDS_A_PAGE: Final = 1000
LISTED_AT_MOST: Final = 5
"""Times that a listing of several pages is repeated, since mails went meanwhile."""
EDGE: Final = 1
"""Seconds more that are asked for at both ends: a server may compare times with their fractions or without."""


class GraphReader:
    """One mailbox by Graph. Threads may fetch at once."""

    def __init__(self, calls: Calls) -> None:
        self.observe: Callable[[Attempt], object] = lambda _: None
        self.listings = 0
        self._calls = calls
        self._folders = Folders(calls)
        calls.observe = self._observe

    @property
    def clock(self) -> float | None:
        return self._calls.clock

    def _observe(self, seconds: float, failed: MailboxError | None) -> None:
        self.observe(Attempt(seconds, failed, self._calls.budget.seconds_throttled))

    def rows(self, first: int, end: int) -> Iterator[Listed]:
        """Yield what was received in the window, and what was sent in it where that lies with the sent mail."""
        sent = self._folders.sent
        for row in self._window("messages", "receivedDateTime", first, end):
            if row.get("parentFolderId") != sent and (mail := self._listed(row, is_sent=False)):
                yield mail
        if sent:
            folder = f"mailFolders/{quote(sent, safe='')}/messages"
            for row in self._window(folder, "sentDateTime", first, end):
                if mail := self._listed(row, is_sent=True):
                    yield mail

    def fetch(self, listed: Listed, blob: Sink) -> Fetched:
        """Stream the raw message; where Graph refuses it, compose it from its JSON and its attachments."""
        path = f"messages/{quote(listed.id, safe='')}"
        try:
            self._calls.stream(f"{path}/$value", "a raw message", blob, is_mail=True)
        except RefusedError as error:
            refused = _of_this_mail(error)
        else:
            return Fetched()
        try:
            return Fetched("json", compose(self._calls, path, blob))
        except RefusedError as error:
            _of_this_mail(error)
            raise NotHadError(f"{refused} {error}") from None

    def ids(self) -> Iterator[FolderIds]:
        sent = self._folders.sent
        for folder in self._folders.all():
            yield FolderIds(folder.path, folder.total, self._ids(folder, is_sent=folder.id == sent))

    def stop(self) -> None:
        self._calls.stop()

    def close(self) -> None:
        self._calls.close()

    def _listed(self, row: Json, *, is_sent: bool) -> Listed | None:
        return listed(row, self._folders.path(str(row.get("parentFolderId") or "")), is_sent=is_sent)

    def _window(self, messages: str, field: str, first: int, end: int) -> Iterator[Json]:
        """Yield the rows of a window.

        Pages are counted from the first row on: where one goes while they are listed, the next page leaves one out. So
        a listing of several pages is repeated until it has as many rows as Graph counted at each page, or the same as
        before.
        """
        query = urlencode(
            {
                "$filter": window(field, first - EDGE, end + EDGE),
                "$select": SELECT,
                "$orderby": field,
                "$top": ROWS_A_PAGE,
                "$count": "true",
            },
            safe="$,:",
            quote_via=quote,
        )
        before: set[str] | None = None
        for _ in range(LISTED_AT_MOST):
            ids, pages, counts = set[str](), 0, set[object]()
            for page in self._calls.pages(f"{messages}?{query}", "a listing of messages"):
                pages += 1
                self.listings += 1
                counts.update({page["@odata.count"]} if isinstance(page.get("@odata.count"), int) else ())
                rows = [row for row in page["value"] if isinstance(row, dict) and row.get("id")]
                ids.update(str(row["id"]) for row in rows)
                yield from rows
            if pages == 1 or counts <= {len(ids)} or ids == before:
                return
            before = ids

    def _ids(self, folder: Folder, *, is_sent: bool) -> Iterator[Held]:
        path = f"mailFolders/{quote(folder.id, safe='')}/messages?$select={SELECT_IDS}&$top={IDS_A_PAGE}"
        for page in self._calls.pages(path, "a listing of all ids"):
            for row in page["value"]:
                if isinstance(row, dict) and row.get("id"):
                    yield held_of(row, is_sent=is_sent)


def _of_this_mail(error: RefusedError) -> RefusedError:
    """Return a refusal that concerns this mail alone; raise what concerns all of them, or that the mail is gone."""
    if error.is_of_item:
        raise NotHadError("It was deleted since it was listed.", is_gone=True) from None
    if error.is_passing or error.cause is Cause.MAILBOX or error.status == 401 or not 400 <= error.status < 500:
        raise error
    return error
