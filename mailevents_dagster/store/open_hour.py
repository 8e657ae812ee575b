"""One hour of a feed while it is collected: what is known of it, and its commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from upath import UPath

from mailevents_dagster.events import Collection, Event, Origin, SourceError, StoppedError
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.store.atomic import digest_of
from mailevents_dagster.store.cursors import Cursor, write_cursor
from mailevents_dagster.store.damage import DamagedError, set_aside
from mailevents_dagster.store.journal import Journal
from mailevents_dagster.store.log import Change, bring_up_to_date, says
from mailevents_dagster.store.manifest import Manifest, StoredFile, read_manifest, write_manifest
from mailevents_dagster.store.merge import Merged, merge
from mailevents_dagster.store.parquet import read_events, write_snapshot

if TYPE_CHECKING:
    from mailevents_dagster.store.store import Store

SAID_CHARACTERS = 500
"""Of an error, in the cursor."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What committing an hour did."""

    manifest: Manifest
    added: int
    changed: int
    unseen: int
    lateness: float
    """Seconds after its own time that an event which is new was certainly not shown yet: it appeared later still."""
    log_change: Change
    log: UPath
    snapshot: UPath


class OpenHour:
    """One hour of a feed while it is collected, by nobody else meanwhile."""

    def __init__(self, store: Store, feed: Feed, hour: Hour) -> None:
        self._store = store
        self._layout = store.layout
        self.feed = feed
        self.hour = hour
        self.done: Commit | None = None
        """The commit, once it is made."""
        self.notes: list[str] = []
        """What was found damaged and what became of it; for the log of the run."""
        self.journal = Journal(store.layout.journal(feed, hour))
        if self.journal.set_aside:
            self.notes.append(
                f"Damaged records of the journal were put into {self.journal.set_aside} and are fetched again."
            )

    @cached_property
    def before(self) -> Manifest | None:
        """The manifest of the last commit; a damaged one is set aside and counts as none."""
        path = self._layout.manifest(self.feed, self.hour)
        try:
            return read_manifest(path)
        except DamagedError as error:
            self.notes.append(f"{error}. It was set aside as {set_aside(path)} and is written anew.")
            return None

    @cached_property
    def known(self) -> Sequence[Event]:
        """The events committed so far, oldest first; from the log where the snapshot is damaged or gone."""
        path = self._layout.snapshot(self.feed, self.hour)
        log = self._layout.log(self.feed, self.hour)
        if not path.exists():  # it is written before log and manifest: either of them shows that it was there
            lost = log.exists() or (self.before is not None and self.before.events > 0)
            return self._from_log(log, f"{path} is gone") if lost else []
        try:
            # By its own digest: it may be newer than its manifest, after a kill between the two.
            return read_events(path)
        except DamagedError as error:
            return self._from_log(log, f"{error}. It was set aside as {set_aside(path)}")

    def _from_log(self, log: UPath, why: str) -> Sequence[Event]:
        event_of = self._store.formats[self.feed.kind.category].event_of
        events: list[Event] = []
        unreadable = 0
        at = self.hour.start
        for line in log.read_bytes().split(b"\n") if log.exists() else []:
            try:
                if line:
                    events.append(event_of(line, at))
                    at = events[-1].time
            except ValueError:
                unreadable += 1
        self.notes.append(
            f"{why}; {len(events):,} events were taken from {log}"
            + (f", {unreadable:,} of its lines could not be read" if unreadable else "")
            + ". What the API still shows is collected again."
        )
        return sorted(events, key=lambda event: event.time)

    @property
    def strays_elsewhere(self) -> frozenset[bytes]:
        """Strays that the hours before and after hold."""
        return self._store.strays_beside(self.feed, self.hour)

    def commit(self, found: Collection) -> Commit:
        """Snapshot, log, manifest, cursor, in this order, each whole; then the journal goes.

        A snapshot without its log or manifest is found and completed by the next collection of the hour.
        """
        with self._store.writing(self.feed):
            done = self._commit(found)
            self._change_cursor(lambda cursor: cursor.committed(done.manifest, time.time()))
        self.journal.discard()
        self.done = done
        return done

    def _commit(self, found: Collection) -> Commit:
        layout, feed, hour, before = self._layout, self.feed, self.hour, self.before
        found = _without(found, self.strays_elsewhere)  # since it was listed, the hour beside may hold them
        merged = merge(self.known, found.events)
        self._store.describe_itself()
        snapshot_path, log_path = layout.snapshot(feed, hour), layout.log(feed, hour)
        if before and not (merged.added or merged.changed) and before.snapshot.sha256 == digest_of(snapshot_path):
            snapshot = before.snapshot
        else:
            rows = self._store.formats[feed.kind.category]
            snapshot = StoredFile(layout.relative(snapshot_path), *write_snapshot(snapshot_path, merged.events, rows))
        self._keep_damaged_log(log_path)
        log = bring_up_to_date(log_path, merged.events)
        manifest = _manifest(
            feed, hour, merged, found, before, StoredFile(layout.relative(log_path), log.bytes, log.sha256), snapshot
        )
        write_manifest(layout.manifest(feed, hour), manifest)
        late = _lateness(merged, before)
        return Commit(manifest, merged.added, merged.changed, merged.unseen, late, log.change, log_path, snapshot_path)

    def note_begin(self) -> None:
        """Counts the collection as failed until it is known how it ended."""
        with self._store.writing(self.feed):
            self._change_cursor(lambda cursor: cursor.begun(self.hour, time.time()))

    def note_failure(self, error: Exception) -> None:
        """Notes why the collection failed, or that there is nothing to wait for."""
        cause = error.cause if isinstance(error, SourceError) else type(error).__name__
        said = str(error).encode(errors="backslashreplace").decode()[:SAID_CHARACTERS]
        gone = isinstance(error, StoppedError) or (isinstance(error, SourceError) and error.hour_is_gone)
        with suppress(OSError), self._store.writing(self.feed):  # the error at hand matters more than the note of it
            self._change_cursor(
                lambda cursor: cursor.given_up(self.hour) if gone else cursor.ended(self.hour, time.time(), cause, said)
            )

    def _change_cursor(self, change: Callable[[Cursor], Cursor]) -> None:
        path = self._layout.cursor(self.feed)
        try:
            cursor = self._store.cursor(self.feed)
        except DamagedError as error:
            self.notes.append(f"{error}. It was set aside as {set_aside(path)} and made anew from the manifests.")
            cursor = self._store.cursor_of_manifests(self.feed)
        write_cursor(path, change(cursor), self._store.timezone)

    def _keep_damaged_log(self, path: UPath) -> None:
        """A log that is neither what was committed nor what the snapshot says is somebody's damage: it is set aside."""
        if self.before is None or self.before.log.sha256 == digest_of(path) or says(path, self.known):
            return
        if path.exists():
            self.notes.append(
                f"{path} is not as it was written. It was set aside as {set_aside(path)} and written anew."
            )
        else:
            self.notes.append(f"{path} was gone and is written anew.")


def _lateness(merged: Merged, before: Manifest | None) -> float:
    """From the oldest new event to the listing before, which did not have it; none where nobody had asked before."""
    if before is None or before.origin is not Origin.API or merged.oldest_added is None:
        return 0.0
    return round(max(0.0, before.listed_at - max(merged.oldest_added, before.start)), 1)


def _without(found: Collection, elsewhere: frozenset[bytes]) -> Collection:
    """What was found, less the strays that another hour holds."""
    doubled = found.strays & elsewhere
    events = [event for event in found.events if event.identity not in doubled] if doubled else found.events
    return replace(found, events=events, strays=found.strays - doubled)


def _manifest(
    feed: Feed,
    hour: Hour,
    merged: Merged,
    found: Collection,
    before: Manifest | None,
    log: StoredFile,
    snapshot: StoredFile,
) -> Manifest:
    times = [event.time for event in merged.events]
    strays = {stray.hex() for stray in found.strays}.union(before.strays if before else ())
    return Manifest(
        domain=feed.domain,
        feed=feed.name,
        hour=hour.key,
        timezone=hour.timezone,
        start=hour.start,
        end=hour.end,
        events=len(merged.events),
        details_owed=sum(event.detail.is_owed for event in merged.events),
        gaps=found.gaps,
        first_event=min(times, default=None),
        last_event=max(times, default=None),
        listed_at=found.listed_at,
        closed=found.closed or (before is not None and before.closed),
        strays=tuple(sorted(strays)),
        log=log,
        snapshot=snapshot,
        origin=Origin.API if before and before.origin is Origin.API else found.origin,
    )
