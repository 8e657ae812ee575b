"""Store: hours of feeds, opened for a collection and committed. The one door to everything that is kept."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow.dataset as ds
from upath import UPath

from mailevents_dagster.columns import RowFormat
from mailevents_dagster.events import Collection, Event
from mailevents_dagster.feeds import Category, Feed
from mailevents_dagster.filelocks import take, try_to_take
from mailevents_dagster.hours import Hour
from mailevents_dagster.jsontext import pretty
from mailevents_dagster.store.atomic import digest_of, make_folder, publish
from mailevents_dagster.store.cursors import Cursor, cursor_of, read_cursor, write_cursor
from mailevents_dagster.store.damage import DamagedError, set_aside
from mailevents_dagster.store.journal import Journal
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.log import Change, bring_up_to_date, says
from mailevents_dagster.store.manifest import Manifest, StoredFile, read_manifest, write_manifest
from mailevents_dagster.store.merge import Merged, merge
from mailevents_dagster.store.parquet import dataset, read_events, write_snapshot

logger = logging.getLogger(__name__)

SAID_CHARACTERS = 500
"""Of an error, in the cursor."""


class NotCollectedError(LookupError):
    """An hour that was asked for is not in the store."""


@dataclass(frozen=True, slots=True)
class Commit:
    """What committing an hour did."""

    manifest: Manifest
    added: int
    changed: int
    unseen: int
    log_change: Change
    log: UPath
    snapshot: UPath


class Store:
    """The stored hours of all feeds below one storage."""

    def __init__(
        self, storage: str, timezone: str, log_file_name: str, formats: Mapping[Category, RowFormat], scratch: Path
    ) -> None:
        self.layout = Layout(UPath(storage), scratch, log_file_name)
        self.timezone = timezone
        self.formats = formats

    @contextmanager
    def open_hour(
        self, feed: Feed, hour: Hour, when_held: Callable[[str], object] = logger.warning
    ) -> Iterator[OpenHour]:
        """An hour to collect into. What is recorded in its journal outlives the block unless it is committed.

        `when_held` is told where another process has the hour. It is waited for, unless that raises.
        """
        with _locked(self.layout.hour_lock(feed, hour), lambda: when_held(_held(feed, hour))):
            work = OpenHour(self, feed, hour)
            work.note_begin()
            try:
                yield work
            except Exception as error:
                work.note_failure(error)
                raise
            finally:
                work.journal.close()

    @contextmanager
    def writing(self, feed: Feed) -> Iterator[None]:
        """Keeps other processes from writing to the feed, for moments."""
        with _locked(self.layout.lock(feed)):
            yield

    def cursor(self, feed: Feed) -> Cursor:
        """What the feed has; from the manifests where the cursor is gone, which takes a second a year of hours."""
        cursor = read_cursor(self.layout.cursor(feed))
        return self.cursor_of_manifests(feed) if cursor is None else cursor

    def cursor_of_manifests(self, feed: Feed) -> Cursor:
        """What the manifests say that the feed has; damaged ones say nothing."""
        manifests = []
        for path in self.layout.manifests(feed).glob("*/*.json"):
            with suppress(DamagedError):
                manifests.append(read_manifest(path))
        return cursor_of(manifest for manifest in manifests if manifest)

    def manifest(self, feed: Feed, hour: Hour) -> Manifest | None:
        return read_manifest(self.layout.manifest(feed, hour))

    def dataset(self, feed: Feed, hours: Sequence[Hour]) -> ds.Dataset:
        """The committed hours of a feed as one lazy dataset; NotCollectedError names those that are not there."""
        missing = [hour.key for hour in hours if self.manifest(feed, hour) is None]
        if missing:
            named = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            raise NotCollectedError(f"{feed}: not collected yet: {named}. Materialize these partitions first.")
        paths = [self.layout.snapshot(feed, hour) for hour in hours]
        return dataset(paths, self.layout.all_snapshots, self.formats[feed.kind.category])

    def describe_itself(self) -> None:
        """Leaves word of how the data are written, where there is none yet."""
        path = self.layout.description
        if not path.exists():
            with publish(path) as file:
                file.write(pretty({"timezone": self.timezone, "version": 1}))


class OpenHour:
    """One hour of a feed while it is collected, by nobody else meanwhile."""

    def __init__(self, store: Store, feed: Feed, hour: Hour) -> None:
        self._store = store
        self._layout = store.layout
        self.feed = feed
        self.hour = hour
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
            return read_events(
                path
            )  # by its own digest: it may be newer than its manifest, after a kill between the two
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
        """Strays that the hours before and after hold: a window's ends may return them here too."""
        strays: set[bytes] = set()
        for hour in (self.hour.previous, self.hour.next):
            with suppress(DamagedError):  # its own collection sets it aside and says so
                manifest = self._store.manifest(self.feed, hour)
                strays.update(bytes.fromhex(stray) for stray in (manifest.strays if manifest else ()))
        return frozenset(strays)

    def commit(self, found: Collection) -> Commit:
        """Snapshot, log, manifest, cursor, in this order, each whole; then the journal goes.

        A snapshot without its log or manifest is found and completed by the next collection of the hour.
        """
        with self._store.writing(self.feed):
            done = self._commit(found)
            self._change_cursor(lambda cursor: cursor.committed(done.manifest, time.time()))
        self.journal.discard()
        return done

    def _commit(self, found: Collection) -> Commit:
        layout, feed, hour, before = self._layout, self.feed, self.hour, self.before
        elsewhere = found.strays & self.strays_elsewhere  # since they were listed, the hour beside may have them
        merged = merge(self.known, [event for event in found.events if event.identity not in elsewhere])
        self._store.describe_itself()
        snapshot_path, log_path = layout.snapshot(feed, hour), layout.log(feed, hour)
        if before and not (merged.added or merged.changed) and before.snapshot.sha256 == digest_of(snapshot_path):
            snapshot = before.snapshot
        else:
            rows = self._store.formats[feed.kind.category]
            snapshot = StoredFile(layout.relative(snapshot_path), *write_snapshot(snapshot_path, merged.events, rows))
        self._keep_damaged_log(log_path)
        log = bring_up_to_date(log_path, merged.events)
        strays = tuple(
            sorted({*(before.strays if before else ()), *(stray.hex() for stray in found.strays - elsewhere)})
        )
        manifest = _manifest(
            feed, hour, merged, found, strays, StoredFile(layout.relative(log_path), log.bytes, log.sha256), snapshot
        )
        write_manifest(layout.manifest(feed, hour), manifest)
        return Commit(manifest, merged.added, merged.changed, merged.unseen, log.change, log_path, snapshot_path)

    def note_begin(self) -> None:
        """Counts the collection as failed until it is known how it ended."""
        with self._store.writing(self.feed):
            self._change_cursor(lambda cursor: cursor.begun(self.hour, time.time()))

    def note_failure(self, error: Exception) -> None:
        cause = str(getattr(error, "cause", type(error).__name__))
        said = str(error).encode(errors="backslashreplace").decode()[:SAID_CHARACTERS]
        with suppress(OSError), self._store.writing(self.feed):  # the error at hand matters more than the note of it
            self._change_cursor(lambda cursor: cursor.ended(self.hour, time.time(), cause, said))

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


@contextmanager
def _locked(path: Path, when_held: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Keeps other processes out; one that holds the lock is waited for, one that died holds it no more."""
    make_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not try_to_take(handle):
            when_held()
            take(handle)
        yield
    finally:
        os.close(handle)


def _held(feed: Feed, hour: Hour) -> str:
    return f"{feed} {hour} is being collected by another process, which is waited for."


def _manifest(
    feed: Feed,
    hour: Hour,
    merged: Merged,
    found: Collection,
    strays: tuple[str, ...],
    log: StoredFile,
    snapshot: StoredFile,
) -> Manifest:
    times = [event.time for event in merged.events]
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
        closed=found.closed,
        strays=strays,
        log=log,
        snapshot=snapshot,
    )
