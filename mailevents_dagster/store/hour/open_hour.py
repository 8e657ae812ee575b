"""One hour of a feed while it is collected: what is known of it, and its commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain

import numpy as np
import pyarrow as pa
from upath import UPath

from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.model.event import Collection, Detail, Event, Origin, Placed, Places
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.description import describe
from mailevents_dagster.store.feed_cursor import FeedCursor
from mailevents_dagster.store.hour.events import HourEvents
from mailevents_dagster.store.hour.found_events import FoundEvents, Records
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.index import CODES, OWED, Index, Versions, digests
from mailevents_dagster.store.hour.journal import Journal
from mailevents_dagster.store.hour.known_events import Snapshot, known_events
from mailevents_dagster.store.hour.log import Change, Written, bring_up_to_date, says
from mailevents_dagster.store.hour.merge import Merged, merge
from mailevents_dagster.store.hour.snapshot_columns import lines_of
from mailevents_dagster.store.hour.snapshot_file import write_snapshot
from mailevents_dagster.store.manifest import Manifest, StoredFile, read_manifest, write_manifest


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

    def __init__(self, files: HourFiles, memory: int, cursor: FeedCursor) -> None:
        self._files = files
        self._rows = files.feed.kind.rows
        self._memory = memory
        self._cursor = cursor
        self._closing = ExitStack()
        self._has_begun_to_write = False
        self.done: Commit | None = None
        """The commit, once it is made."""
        self.notes: list[str] = []
        """What was found damaged and what became of it; for the log of the run."""
        self.learnt: Mapping[str, float] = {}
        """What the source showed of itself when the feed was collected before."""
        self.journal = Journal(files.layout.journal(files.feed, files.hour))
        if self.journal.set_aside:
            self.notes.append(
                f"Damaged records of the journal were put into {self.journal.set_aside} and are fetched again."
            )

    @property
    def feed(self) -> Feed:
        return self._files.feed

    @property
    def hour(self) -> Hour:
        return self._files.hour

    def begin(self) -> None:
        """Count the collection as failed until it is known how it ended."""
        self.learnt = self._cursor.begin(self.hour, self.notes.append).learnt

    @cached_property
    def before(self) -> Manifest | None:
        """Return the manifest of the last commit; a damaged one is set aside and counts as none."""
        path = self._files.manifest
        try:
            return read_manifest(path)
        except DamagedError as error:
            self.notes.append(f"{error}. It was set aside as {set_aside(path)} and is written anew.")
            return None

    @cached_property
    def known(self) -> Records:
        """Return the events committed so far, oldest first; from the log where the snapshot is damaged or gone."""
        known = known_events(self._files, self.before, self._no_events(), self.notes.append)
        self._closing.callback(known.close)
        return known

    @cached_property
    def events(self) -> HourEvents:
        return HourEvents(self.known, self._no_events(), self._rows)

    def _no_events(self) -> FoundEvents:
        events = FoundEvents(self._rows, self._files.layout.journals(self.feed), self._memory)
        self._closing.callback(events.close)
        return events

    @property
    def is_as_it_was(self) -> bool:
        """Whether no file of the hour was changed, nor found damaged."""
        return not self._has_begun_to_write and not self.notes

    def close(self) -> None:
        """Let go of what is open; the journal stays where it is."""
        self.journal.close()
        self._closing.close()

    def add(self, events: Sequence[Event], awaited: Sequence[bool] = ()) -> range:
        """Take events that were found and return their places; threads may call at once.

        For those awaited another will be put. Events added together, in their order, are written the fastest.
        """
        return self.events.add(events, awaited)

    def add_records(self, times: Places, identities: bytes, raws: pa.StringArray) -> Placed:
        """Take records that are events by themselves, whole, with their times and the digests of 16 bytes of each."""
        digest = digests(identities)
        index = Index(times, digest, digest, np.full(len(times), CODES[Detail.WHOLE], np.uint8))
        return Placed(self.events.add_records(index, raws), times)

    @property
    def known_events(self) -> Placed:
        """Return all events committed so far, as found again."""
        index = self.events.known_index
        return Placed(np.arange(len(index), dtype=np.int64), index.times)

    def put(self, place: int, event: Event) -> None:
        """Take the event that is awaited at this place; threads may call at once."""
        self.events.put(place, event)

    def places(self, versions: Sequence[tuple[bytes, bytes]], states: Iterable[Detail]) -> list[int | None]:
        """Return of each version the place of a known event that is in one of the states, if there is one."""
        known = self.events.known_index
        places = self._known_versions.places(digests(b"".join(chain.from_iterable(versions))).reshape(-1, 4))
        good = places >= 0
        good[good] = known[places[good]].among(*states)
        return [int(place) if is_good else None for place, is_good in zip(places, good, strict=True)]

    @cached_property
    def _known_versions(self) -> Versions:
        return Versions(self.events.known_index)

    @cached_property
    def owed(self) -> Set[bytes]:
        """Return identities of known events whose detail is owed."""
        return self.events.known_index.identities_of(*OWED)

    def known_as(self, identities: Set[bytes]) -> list[tuple[int, Event]]:
        """Return the known events with these identities, each with its place."""
        places = np.flatnonzero([row.tobytes() in identities for row in self.events.known_index.identities])
        return [*zip(places.tolist(), self.events.known(places), strict=True)] if len(places) else []

    def held_in(self, beside: Hour, identities: Set[bytes]) -> Set[bytes]:
        """Return those of the identities that another hour of the feed has."""
        return replace(self._files, hour=beside).held(identities)

    @property
    def strays_elsewhere(self) -> frozenset[bytes]:
        """Strays that the hours before and after hold."""
        return self._files.strays_beside

    def commit(self, found: Collection) -> Commit:
        """Write snapshot, log, manifest, cursor, in this order, each whole; then the journal goes.

        A snapshot without its log or manifest is found and completed by the next collection of the hour.
        """
        locks = self._cursor.locks
        # Only what the hours beside may hold too must wait for others' commits, wherever these are made.
        alone = locks.holding if found.strays else locks.briefly
        with alone(self._files.layout.lock(self.feed)):
            done = self._commit(found)
            self._cursor.commit(done.manifest, found, self.notes.append)
        self.journal.discard()
        self.done = done
        return done

    def _commit(self, found: Collection) -> Commit:
        files = self._files
        placed, strays = self._placed(found)
        index = replace(self.events.index(placed.places), times=placed.times)
        merged = merge(self.events.known_index, index, placed.places, self.events.marks)
        describe(files.layout, self._cursor.locks, self._cursor.timezone, self.notes.append)
        snapshot, log = self._write(merged)
        stored = StoredFile(files.layout.relative(files.log), log.bytes, log.sha256)
        manifest = self._manifest(merged.index, replace(found, strays=strays), stored, snapshot)
        write_manifest(files.manifest, manifest)
        late = _lateness(merged, self.before)
        return Commit(
            manifest, merged.added, merged.changed, merged.unseen, late, log.change, files.log, files.snapshot
        )

    def _placed(self, found: Collection) -> tuple[Placed, frozenset[bytes]]:
        """Return what was found, less the strays that an hour beside holds since it was listed; and the strays left."""
        events = found.events
        if not isinstance(events, Placed):
            times = np.array([event.time for event in events], np.int64)
            events = Placed(np.array(self.add(events), np.int64), times)
        doubled = found.strays & self.strays_elsewhere
        if doubled:
            index = self.events.index(events.places)
            mine = np.ones(len(index), bool)
            for identity in doubled:
                mine &= (index.identities != digests(identity)).any(axis=1)
            events = Placed(events.places[mine], events.times[mine])
        return events, found.strays - doubled

    def _manifest(self, index: Index, found: Collection, log: StoredFile, snapshot: StoredFile) -> Manifest:
        before = self.before
        strays = {stray.hex() for stray in found.strays}.union(before.strays if before else ())
        return Manifest(
            domain=self.feed.domain,
            feed=self.feed.name,
            hour=self.hour.key,
            timezone=self.hour.timezone,
            start=self.hour.start,
            end=self.hour.end,
            events=len(index),
            details_owed=index.count(*OWED),
            gaps=found.gaps,
            first_event=int(index.times.min()) if len(index) else None,
            last_event=int(index.times.max()) if len(index) else None,
            listed_at=found.listed_at,
            closed=found.closed or (before is not None and before.closed),
            strays=tuple(sorted(strays)),
            log=log,
            snapshot=snapshot,
            origin=Origin.SOURCE if before and before.origin is Origin.SOURCE else found.origin,
            details_purged=index.count(Detail.PURGED),
            ranges=found.ranges,
        )

    def _write(self, merged: Merged) -> tuple[StoredFile, Written]:
        """Write snapshot, then log, as far as they are not yet what was merged; the records are read once for both."""
        before, files = self.before, self._files
        log_is_as_before = before is not None and before.log.sha256 == digest_of(files.log)
        snapshot = None if merged.added or merged.changed else self._snapshot_as_before
        if before and snapshot and log_is_as_before:
            return snapshot, Written(Change.UNCHANGED, before.log.bytes, before.log.sha256)
        if before and not log_is_as_before:
            self._keep_damaged_log(files.log)

        with bring_up_to_date(files.log) as log:

            def batches() -> Iterator[pa.RecordBatch]:
                for batch in self.events.batches(merged.index, merged.places):
                    log.add(lines_of(batch))
                    yield batch
                log.settle()
                self.known.close()  # Windows replaces no file that is open

            if snapshot is None:
                size, sha256 = write_snapshot(files.snapshot, batches(), self._rows)
                snapshot = StoredFile(files.layout.relative(files.snapshot), size, sha256)
            else:
                deque(batches(), maxlen=0)
            self._has_begun_to_write = True
        return snapshot, log.written

    @property
    def _snapshot_as_before(self) -> StoredFile | None:
        """The snapshot, where it is just what was committed."""
        if self.before and isinstance(self.known, Snapshot) and self.known.sha256 == self.before.snapshot.sha256:
            return self.before.snapshot
        return None

    def _keep_damaged_log(self, path: UPath) -> None:
        """Set a log aside that is neither what was committed nor what the snapshot says: somebody damaged it."""
        if says(path, self.events.lines(np.arange(len(self.events.known_index)))):
            return
        if path.exists():
            self.notes.append(
                f"{path} is not as it was written. It was set aside as {set_aside(path)} and written anew."
            )
        else:
            self.notes.append(f"{path} was gone and is written anew.")


def _lateness(merged: Merged, before: Manifest | None) -> float:
    """Return the time from the oldest new event to the listing before, which did not have it; zero if there is none."""
    if before is None or before.origin is not Origin.SOURCE or merged.oldest_added is None:
        return 0.0
    return round(max(0.0, before.listed_at - max(merged.oldest_added, before.start)), 1)
