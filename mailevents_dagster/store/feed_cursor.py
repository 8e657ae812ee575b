"""The stored cursor of a feed: read, made anew from the manifests where it is lost, and changed under its lock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sharing.locks import Locks
from mailevents_dagster.store.cursor_file import read_cursor, write_cursor
from mailevents_dagster.store.cursors import Cursor, Span, cursor_of
from mailevents_dagster.store.destruction_record import read_destruction
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.manifest import Manifest, read_manifest

Change = Callable[[Cursor], Cursor]
Note = Callable[[str], object]
"""Takes what was found damaged and what became of it."""


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """The cursor of one feed. It is changed under a lock of its own: some changes come while others commit."""

    layout: Layout
    locks: Locks
    feed: Feed
    timezone: str

    def read(self) -> Cursor:
        """Return what the feed has; where the cursor is lost, from the manifests: a second for a year of hours."""
        cursor = read_cursor(self.layout.cursor(self.feed))
        return self.rebuilt() if cursor is None else cursor

    def read_if_whole(self) -> Cursor | None:
        """Return what the feed has; None where the cursor is damaged or lost, until the next collection."""
        try:
            cursor = read_cursor(self.layout.cursor(self.feed))
        except DamagedError:
            return None
        return Cursor() if cursor is None and not self.layout.manifests(self.feed).exists() else cursor

    def rebuilt(self) -> Cursor:
        """Return what the manifests and the records of destroyed hours say; damaged ones say nothing."""
        return cursor_of(self._manifests(), list(self._destroyed()))

    def _manifests(self) -> Iterator[Manifest]:
        for path in self.layout.manifests(self.feed).glob("*/*.json"):
            with suppress(DamagedError):
                if manifest := read_manifest(path):
                    yield manifest

    def _destroyed(self) -> Iterator[Span]:
        for path in self.layout.destructions(self.feed).glob("*/*.json"):
            with suppress(DamagedError):
                if record := read_destruction(path):
                    yield record.start, record.end

    def begin(self, hour: Hour, note: Note) -> Cursor:
        """Count a collection as failed until it is known how it ended; return the cursor as it was."""
        return self._change(lambda cursor: cursor.begun(hour, time.time()), note)

    def commit(self, manifest: Manifest, found: Collection, note: Note) -> None:
        """Note that an hour was committed, and what its source showed of itself."""
        self._change(lambda cursor: cursor.committed(manifest, time.time(), found.clock, found.learnt), note)

    def fail(self, hour: Hour, error: Exception, note: Note) -> None:
        """Note why a collection failed, or that there is nothing to wait for."""
        now = time.time()
        with suppress(OSError):  # the error at hand matters more than the note of it
            self._change(lambda cursor: cursor.failed_with(error, hour, now), note)

    def _change(self, change: Change, note: Note) -> Cursor:
        """Change the cursor and return it as it was; a damaged one is set aside and made anew first."""
        path = self.layout.cursor(self.feed)
        with self.locks.briefly(self.layout.cursor_lock(self.feed)):
            try:
                cursor = self.read()
            except DamagedError as error:
                note(f"{error}. It was set aside as {set_aside(path)} and made anew from the manifests.")
                cursor = self.rebuilt()
            write_cursor(path, change(cursor), self.timezone)
        return cursor

    def rebuild(self) -> None:
        """Make the cursor anew; only its first hour, which no manifest knows, stays where it can be read."""
        with self.locks.briefly(self.layout.cursor_lock(self.feed)):
            before = self.read_if_whole()
            cursor = replace(self.rebuilt(), first=before.first if before else None)
            write_cursor(self.layout.cursor(self.feed), cursor, self.timezone)

    def change_if_whole(self, change: Change) -> None:
        """Change the cursor unless it is damaged or lost: the next collection makes such a one anew."""
        with self.locks.briefly(self.layout.cursor_lock(self.feed)):
            cursor = self.read_if_whole()
            if cursor is not None and (changed := change(cursor)) != cursor:
                write_cursor(self.layout.cursor(self.feed), changed, self.timezone)
