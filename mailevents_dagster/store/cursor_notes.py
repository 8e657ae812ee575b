"""What a collection notes in the cursor of its feed: that it began, and how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.model.event import Collection, SourceError, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.manifest import Manifest

if TYPE_CHECKING:
    from mailevents_dagster.store.store import Store

SAID_CHARACTERS: Final = 500
"""Of an error."""


class CursorNotes:
    """The notes of one collection of one hour."""

    def __init__(self, store: Store, feed: Feed, hour: Hour, say: Callable[[str], object]) -> None:
        self._store = store
        self._feed = feed
        self._hour = hour
        self._say = say
        self.learnt: Mapping[str, float] = {}
        """What the source showed of itself before, from the beginning of the collection on."""

    def begin(self) -> None:
        """Count the collection as failed until it is known how it ended."""
        self._change(lambda cursor: cursor.begun(self._hour, time.time()))

    def committed(self, manifest: Manifest, found: Collection) -> None:
        """Note that the hour was committed, and what its source showed of itself."""
        self._change(lambda cursor: cursor.committed(manifest, time.time(), found.clock, found.learnt))

    def failure(self, error: Exception) -> None:
        """Note why the collection failed, or that there is nothing to wait for."""
        now = time.time()
        with suppress(OSError):  # the error at hand matters more than the note of it
            self._change(lambda cursor: _failed(cursor, self._hour, error, now))

    def _change(self, change: Callable[[Cursor], Cursor]) -> None:
        path = self._store.layout.cursor(self._feed)
        with self._store.noting(self._feed):
            try:
                cursor = self._store.cursor(self._feed)
            except DamagedError as error:
                self._say(f"{error}. It was set aside as {set_aside(path)} and made anew from the manifests.")
                cursor = self._store.cursor_of_manifests(self._feed)
            self.learnt = cursor.learnt
            write_cursor(path, change(cursor), self._store.timezone)


def _failed(cursor: Cursor, hour: Hour, error: Exception, now: float) -> Cursor:
    if isinstance(error, StoppedError):
        return cursor.given_up(hour)
    if isinstance(error, SourceError) and error.hour_is_gone:
        return cursor.gone(hour, now)
    said = str(error).encode(errors="backslashreplace").decode()[:SAID_CHARACTERS]
    if isinstance(error, SourceError):
        return cursor.ended(hour, now, error.cause, said, error.until)
    return cursor.ended(hour, now, type(error).__name__, said)
