"""The stored cursor of a feed: read, made anew from the manifests where it is lost, and changed under its lock.

On an object store it is changed only as the one that was read, and read again where another changed it meanwhile.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.objects import ABSENT, ChangedError, Tag, Version
from mailevents_dagster.files.stored_path import is_local
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sharing.locks import GetLocks
from mailevents_dagster.store.cursor_file import read_cursor, write_cursor
from mailevents_dagster.store.cursors import Cursor, Span, cursor_of
from mailevents_dagster.store.destruction_record import read_destruction, refuse_destroyed
from mailevents_dagster.store.layout import BEGUN, Layout
from mailevents_dagster.store.lock_names import cursor_lock
from mailevents_dagster.store.manifest import Manifest, read_manifest

Change = Callable[[Cursor], Cursor | None]
"""Returns what a cursor is changed into; None leaves it as it is."""
Note = Callable[[str], object]
"""Takes what was found damaged and what became of it."""
Seen = dict[Feed, tuple[Tag, Cursor]]
"""Cursors on an object store as this process read or wrote them last: they need not be read again to be changed."""

TRIES: Final = 100
"""To change a cursor that others change meanwhile: each time one of them succeeded."""
PAUSE: Final = 0.05


@dataclass(frozen=True, slots=True)
class FeedCursor:
    """The cursor of one feed. It is changed under a lock of its own: some changes come while others commit."""

    layout: Layout
    locks: GetLocks
    """Asked for where something is changed: who only reads needs none."""
    feed: Feed
    timezone: str
    seen: Seen | None = None
    """None where none may be used."""

    def read(self) -> Cursor:
        """Return what the feed has; where the cursor is lost, from the manifests: a second for a year of hours."""
        cursor = self._read(Version())
        return self.rebuilt() if cursor is None else cursor

    def _read(self, version: Version) -> Cursor | None:
        path = self.layout.cursor(self.feed)
        cursor = read_cursor(path, version)
        self._note(cursor, version)
        return cursor

    def _note(self, cursor: Cursor | None, version: Version) -> None:
        if self.seen is not None and cursor is not None and version.tag != ABSENT:
            self.seen[self.feed] = version.tag, cursor

    def seen_as(self, tag: Tag) -> Cursor | None:
        """Return the cursor that has this ETag, where this process read or wrote it last."""
        seen = self.seen.get(self.feed) if self.seen else None
        return seen[1] if seen and seen[0] == tag else None

    def read_if_whole(self) -> Cursor | None:
        """Return what the feed has; None where the cursor is damaged or lost, until the next collection."""
        return self._read_if_whole(Version())

    def _read_if_whole(self, version: Version) -> Cursor | None:
        try:
            cursor = self._read(version)
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
        folder = self.layout.destructions(self.feed)
        for path in (*folder.glob("*/*.json"), *folder.glob(f"*{BEGUN}")):
            with suppress(DamagedError):
                if record := read_destruction(path):
                    yield record.start, record.end

    def look(self) -> Cursor | None:
        """Return what the feed has, as this process knows it; None where the cursor is damaged or lost."""
        if self.seen and (seen := self.seen.get(self.feed)):
            return seen[1]
        with suppress(DamagedError):
            return self._read(Version())
        return None

    def begin(self, hour: Hour, note: Note, look: Callable[[Cursor], object]) -> Cursor:
        """Count a collection as failed until it is known how it ended; return the cursor as it was.

        DestroyedError where the hour was destroyed. It is closed before that, so that no other is asked for. Nothing is
        noted where `look`, which is shown the cursor, raises.
        """

        def begun(cursor: Cursor) -> Cursor:
            look(cursor)
            if cursor.is_closed(hour.start):
                refuse_destroyed(self.layout, self.feed, hour)
            return cursor.begun(hour, time.time())

        return self._change(begun, note)

    def commit(self, manifest: Manifest, tag: Tag, found: Collection, note: Note, had: Cursor | None = None) -> None:
        """Note that an hour was committed, and what its source showed of itself.

        On an object store nothing is written where that would say no more than when a closed hour was listed; nor where
        others were not kept from an hour of which nothing was written, and the cursor says other of it than it had.
        """
        is_dear = not is_local(self.layout.root) and manifest.closed

        def committed(cursor: Cursor) -> Cursor | None:
            if had and not cursor.says_the_same_of(manifest.start, had):
                return None
            after = cursor.committed(manifest, time.time(), found.clock, found.learnt, tag)
            return None if is_dear and after.says_no_more_than(cursor) else after

        self._change(committed, note)

    def fail(self, hour: Hour, error: Exception, note: Note) -> None:
        """Note why a collection failed, or that there is nothing to wait for."""
        now = time.time()
        with suppress(OSError):  # the error at hand matters more than the note of it
            self._change(lambda cursor: cursor.failed_with(error, hour, now), note)

    def _change(self, change: Change, note: Note) -> Cursor:
        """Change the cursor and return it as it was; a damaged one is set aside and made anew first."""
        before = Cursor()

        def changed(version: Version) -> Cursor | None:
            nonlocal before
            before = self._whole(version, note)
            after = change(before)
            if after is None:
                self._note(before, version)
            return after

        self._swap(changed)
        return before

    def _whole(self, version: Version, note: Note) -> Cursor:
        if self.seen and (seen := self.seen.pop(self.feed, None)):
            version.tag, cursor = seen
            return cursor
        try:
            read = self._read(version)
        except DamagedError as error:
            aside = set_aside(self.layout.cursor(self.feed))
            note(f"{error}. It was set aside as {aside} and made anew from the manifests.")
            read = None
        return self.rebuilt() if read is None else read

    def rebuild(self) -> None:
        """Make the cursor anew; only its first hour, which no manifest knows, stays where it can be read."""

        def anew(version: Version) -> Cursor:
            before = self._read_if_whole(version)
            return replace(self.rebuilt(), first=before.first if before else None)

        self._swap(anew)

    def change_if_whole(self, change: Change) -> None:
        """Change the cursor unless it is damaged or lost: the next collection makes such a one anew."""

        def changed(version: Version) -> Cursor | None:
            cursor = self._read_if_whole(version)
            return None if cursor is None or (after := change(cursor)) == cursor else after

        self._swap(changed)

    def _swap(self, changed: Callable[[Version], Cursor | None]) -> None:
        """Read the cursor and write what it is changed into, once more where another wrote meanwhile; None: nothing."""
        path = self.layout.cursor(self.feed)
        with self.locks().briefly(cursor_lock(self.feed)):
            for left in reversed(range(TRIES)):
                version = Version()
                cursor = changed(version)
                if cursor is None:
                    return
                try:
                    write_cursor(path, cursor, self.timezone, version)
                except ChangedError:
                    if not left:
                        raise
                    time.sleep(random.uniform(0, PAUSE))  # noqa: S311 - no secret
                else:
                    self._note(cursor, version)
                    return
