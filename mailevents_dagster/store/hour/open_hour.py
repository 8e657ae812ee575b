"""One hour of a feed while it is collected: what is known of it, and its commit."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import replace
from errno import EAGAIN
from itertools import chain
from pathlib import Path
from typing import Final, cast

import numpy as np
import pyarrow as pa

from mailevents_dagster.files.objects import ChangedError
from mailevents_dagster.files.once import once
from mailevents_dagster.model.event import Collection, Detail, Event, Placed, Places
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.description import describe
from mailevents_dagster.store.feed_cursor import FeedCursor
from mailevents_dagster.store.hour.commit import Commit, lateness, manifest_of
from mailevents_dagster.store.hour.committed import Committed
from mailevents_dagster.store.hour.events import HourEvents
from mailevents_dagster.store.hour.found_events import FoundEvents, Records
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.index import CODES, OWED, Index, Versions, digests
from mailevents_dagster.store.hour.journal import Journal
from mailevents_dagster.store.hour.merge import merge
from mailevents_dagster.store.hour.writing import kept_files, write_files
from mailevents_dagster.store.lock_names import feed_lock
from mailevents_dagster.store.manifest import Manifest, write_manifest

TRIES: Final = 20
"""To commit while others commit the same hour: each time one of them wrote something."""
PAUSE: Final = 0.1
"""Seconds at most between two of them."""


class OpenHour:
    """One hour of a feed while it is collected, by nobody else meanwhile."""

    def __init__(
        self,
        files: HourFiles,
        memory: int,
        cursor: FeedCursor,
        hold: Callable[[], object],
        when_held: Callable[[str], object],
    ) -> None:
        """`hold` keeps others from the hour; `when_held` is told where another committed it before that."""
        self._files = files
        self._rows = files.feed.kind.rows
        self._memory = memory
        self._cursor = cursor
        self._hold = hold
        self._when_held = when_held
        self._is_guarded = False
        """Whether others are kept from the hour."""
        self._closing = ExitStack()
        self.done: Commit | None = None
        """The commit, once it is made."""
        self.notes: list[str] = []
        """What was found damaged and what became of it; for the log of the run."""
        self._feed_had = Cursor()
        """The cursor as it was when the hour was begun."""
        self._committed: Committed

    @property
    def feed(self) -> Feed:
        return self._files.feed

    @property
    def hour(self) -> Hour:
        return self._files.hour

    def begin(self, *, is_dear: bool) -> None:
        """Keep others from the hour, and count it as failed until it is known how its collection ended.

        Where both are dear, requests to an object store, one that is likely to find nothing begins once it does.
        DestroyedError where the hour was destroyed.
        """
        had = self._cursor.look() if is_dear and not self._journal_path.exists() else None
        is_quiet = had and (had.is_running(self.hour, time.time()) or had.is_settled(self.hour.start))
        self._feed_had = had if had and is_quiet else self._begun
        self._committed = Committed(self._files, self._no_events(), self.notes.append, self._feed_had)
        if is_quiet and self.before is None:
            _ = self._begun

    @once
    def _begun(self) -> Cursor:
        """The cursor as it was before the collection was noted in it as begun, which is done now."""
        if not self._is_guarded:  # where it could not be noted, another thread may come here again
            self._hold()
            self._is_guarded = True
        had = self._feed_had.manifests.get(self.hour.start)

        def look(cursor: Cursor) -> None:
            if had and cursor.manifests.get(self.hour.start) != had:
                self._when_held(f"{self.feed} {self.hour} was collected by another process while it was listed here.")

        return self._cursor.begin(self.hour, self.notes.append, look)

    @once
    def journal(self) -> Journal:
        """The details that were fetched already, here or by a process that was killed."""
        _ = self._begun
        journal = Journal(self._journal_path)
        self._closing.callback(journal.close)
        if journal.set_aside:
            self.notes.append(
                f"Damaged records of the journal were put into {journal.set_aside} and are fetched again."
            )
        return journal

    @property
    def _journal_path(self) -> Path:
        return self._files.layout.journal(self.feed, self.hour)

    @property
    def learnt(self) -> Mapping[str, float]:
        """What the source showed of itself when the feed was collected before."""
        return self._feed_had.learnt

    @property
    def before(self) -> Manifest | None:
        """The manifest of the last commit."""
        return self._committed.manifest

    @property
    def known(self) -> Records:
        """The events committed so far, oldest first."""
        return self.events.known_records

    @once
    def events(self) -> HourEvents:
        known = self._committed.records
        self._closing.callback(known.close)
        return HourEvents(known, self._no_events(), self._rows)

    def _no_events(self) -> FoundEvents:
        events = FoundEvents(self._rows, self._files.layout.journals(self.feed), self._memory)
        self._closing.callback(events.close)
        return events

    @property
    def is_as_it_was(self) -> bool:
        """Whether no file of the hour was changed, nor found damaged."""
        return self._committed.is_as_it_was and not self.notes

    def close(self) -> None:
        """Let go of what is open; the journal stays where it is."""
        self._closing.close()

    def add(self, events: Sequence[Event], awaited: Sequence[bool] = ()) -> range:
        """Take events that were found and return their places; threads may call at once.

        For those awaited another will be put. Events added together, in their order, are written the fastest.
        """
        if events:
            _ = self._begun
        return self.events.add(events, awaited)

    def add_records(self, times: Places, identities: bytes, raws: pa.StringArray) -> Placed:
        """Take records that are events by themselves, whole, with their times and the digests of 16 bytes of each."""
        if len(times):
            _ = self._begun
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
        places = self._versions.places(digests(b"".join(chain.from_iterable(versions))).reshape(-1, 4))
        good = places >= 0
        good[good] = known[places[good]].among(*states)
        return [int(place) if is_good else None for place, is_good in zip(places, good, strict=True)]

    @once
    def _versions(self) -> Versions:
        return Versions(self.events.known_index)

    @once
    def owed(self) -> Set[bytes]:
        """The identities of known events whose detail is owed."""
        return self.events.known_index.identities_of(*OWED)

    def known_as(self, identities: Set[bytes]) -> list[tuple[int, Event]]:
        """Return the known events with these identities, each with its place."""
        places = np.flatnonzero([row.tobytes() in identities for row in self.events.known_index.identities])
        return [*zip(places.tolist(), self.events.known(places), strict=True)] if len(places) else []

    def held_in(self, beside: Hour, identities: Set[bytes]) -> Set[bytes]:
        """Return those of the identities that another hour of the feed has."""
        is_committed = self._feed_had.is_settled(beside.start)
        return replace(self._files, hour=beside).held(identities, is_committed=is_committed)

    @once
    def strays_elsewhere(self) -> frozenset[bytes]:
        """Strays that the hours before and after held when this one was begun."""
        return self._files.strays_beside(self._feed_had.may_have_strays)

    def commit(self, found: Collection) -> Commit:
        """Write snapshot, log, manifest, cursor, in this order, each whole; then the journal goes.

        A snapshot without its log or manifest is found and completed by the next collection of the hour. Where another
        committed meanwhile, which locks do not let happen unless they were lost, what was found is added to that.
        """
        if not isinstance(found.events, Placed):
            found = replace(found, events=self._placed(found.events))
        locks = self._cursor.locks()
        # Only what the hours beside may hold too must wait for others' commits, wherever these are made.
        alone = locks.holding if found.strays else locks.briefly
        with alone(feed_lock(self.feed)):
            for left in reversed(range(TRIES)):
                try:
                    done = self._commit(found)
                    break
                except ChangedError as error:
                    if not left:
                        raise OSError(EAGAIN, f"others keep writing this hour ({error})") from error
                    time.sleep(random.uniform(0, PAUSE))  # noqa: S311 - no secret
                    found = self._looked_at_again(found)
            had, tag = None if self._is_guarded else self._feed_had, self._committed.manifest_version.tag
            self._cursor.commit(done.manifest, tag, found, self.notes.append, had)
        if self._is_guarded:
            self.journal.discard()
        self.done = done
        return done

    def _looked_at_again(self, found: Collection) -> Collection:
        """Look at what is committed now, without trust, and return what was found by its places in that."""
        before, is_as_it_was = self.events, self.is_as_it_was
        self._committed = Committed(self._files, self._no_events(), self.notes.append)
        self._committed.is_as_it_was = is_as_it_was
        del self.events
        placed = cast("Placed", found.events)
        return replace(found, events=Placed(self.events.take_over(before, placed.places), placed.times))

    def _commit(self, found: Collection) -> Commit:
        files = self._files
        placed, strays = self._own(found)
        index = replace(self.events.index(placed.places), times=placed.times)
        merged = merge(self.events.known_index, index, placed.places, self.events.marks)
        if self._committed.is_local:
            describe(files.layout, self._cursor.locks(), self._cursor.timezone, self.notes.append)
        kept = kept_files(self._committed, merged)
        if not (kept.snapshot and kept.log):
            _ = self._begun
        snapshot, log, change = write_files(files, self._committed, self.events, merged, kept, self.notes.append)
        manifest = manifest_of(files, self.before, merged.index, replace(found, strays=strays), log, snapshot)
        if not self._is_said(manifest):
            _ = self._begun
            write_manifest(files.manifest, manifest, self._committed.manifest_version)
        late = lateness(merged, self.before, self._feed_had.open.get(self.hour.start))
        return Commit(manifest, merged.added, merged.changed, merged.unseen, late, change, files.log, files.snapshot)

    def _is_said(self, manifest: Manifest) -> bool:
        """Return whether all is said but when the hour was listed, which on an object store takes no manifest.

        Of an hour that goes on its cursor says it.
        """
        before = self.before
        if self._committed.is_local or before is None:
            return False
        return replace(manifest, listed_at=before.listed_at) == before

    def _placed(self, events: Sequence[Event]) -> Placed:
        times = np.array([event.time for event in events], np.int64)
        return Placed(np.array(self.add(events), np.int64), times)

    def _own(self, found: Collection) -> tuple[Placed, frozenset[bytes]]:
        """Return what was found, less the strays that an hour beside holds since it was listed; and the strays left."""
        events = cast("Placed", found.events)
        doubled = found.strays & self._files.strays_beside() if found.strays else frozenset()
        if doubled:
            index = self.events.index(events.places)
            mine = np.ones(len(index), bool)
            for identity in doubled:
                mine &= (index.identities != digests(identity)).any(axis=1)
            events = Placed(events.places[mine], events.times[mine])
        return events, found.strays - doubled
