"""One hour of a feed while it is collected: what is known of it, and its commit."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from upath import UPath

from mailevents_dagster.files.atomic import digest_of
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.model.event import Collection, Detail, Event, Kept, Origin
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.cursor_notes import CursorNotes
from mailevents_dagster.store.hour.all_events import KeptEvents
from mailevents_dagster.store.hour.committed_events import known_records
from mailevents_dagster.store.hour.found_events import Gathered, Records
from mailevents_dagster.store.hour.index import STATES, Index, Versions, digests
from mailevents_dagster.store.hour.journal import Journal
from mailevents_dagster.store.hour.log import Change, Written, bring_up_to_date, says
from mailevents_dagster.store.hour.merge import Merged, merge
from mailevents_dagster.store.hour.parquet import lines_of, write_snapshot
from mailevents_dagster.store.hour.snapshot import Snapshot
from mailevents_dagster.store.manifest import OWED, Manifest, StoredFile, manifest_of, read_manifest, write_manifest

if TYPE_CHECKING:
    from mailevents_dagster.store.store import Store


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
        self._rows = feed.kind.rows
        self._closing = ExitStack()
        self.feed = feed
        self.hour = hour
        self.done: Commit | None = None
        """The commit, once it is made."""
        self._has_begun_to_write = False
        self.notes: list[str] = []
        """What was found damaged and what became of it; for the log of the run."""
        self.cursor = CursorNotes(store, feed, hour, self.notes.append)
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
    def known(self) -> Records:
        """The events committed so far, oldest first; from the log where the snapshot is damaged or gone."""
        layout, rows = self._layout, self._rows
        snapshot, log = layout.snapshot(self.feed, self.hour), layout.log(self.feed, self.hour)
        known = known_records(snapshot, log, self.hour, self.before, rows, self._gathering(), self.notes.append)
        self._closing.callback(known.close)
        return known

    @cached_property
    def kept(self) -> KeptEvents:
        """What is known and what is gathered, until the hour is left."""
        return KeptEvents(self.known, self._gathering(), self._rows)

    def _gathering(self) -> Gathered:
        gathered = Gathered(self._rows, self._layout.journal(self.feed, self.hour).parent, self._store.memory)
        self._closing.callback(gathered.close)
        return gathered

    @property
    def is_as_it_was(self) -> bool:
        """Whether no file of the hour was changed, nor found damaged."""
        return not self._has_begun_to_write and not self.notes

    def close(self) -> None:
        """Lets go of what is open; the journal stays where it is."""
        self.journal.close()
        self._closing.close()

    def gather(self, events: Sequence[Event], awaited: Sequence[bool] = ()) -> range:
        """Takes events that were found and returns their sources; threads may call at once.

        For those awaited another will be put. Events gathered together, in their order, are written the fastest.
        """
        places = self.kept.gathered.add(events, awaited)
        return range(-1 - places.start, -1 - places.stop, -1)

    def put(self, source: int, event: Event) -> None:
        """Takes the event that is awaited at this source; threads may call at once."""
        self.kept.gathered.put(-1 - source, event)

    def sources(self, versions: Sequence[tuple[bytes, bytes]], states: Iterable[Detail]) -> list[int]:
        """Of each version the source of a known event that is in one of the states; -1 where there is none."""
        keys = digests(b"".join(chain.from_iterable(versions))).reshape(-1, 4)
        places = self._known_versions.places(keys)
        here = np.flatnonzero(places >= 0)
        among = self._known_index[places[here]].among(*states)
        places[here[~among]] = -1
        return [int(place) for place in places]

    @cached_property
    def _known_versions(self) -> Versions:
        return Versions(self._known_index)

    @cached_property
    def _known_index(self) -> Index:
        """Of events that were taken from the log it is put together each time somebody asks."""
        return self.known.index

    @cached_property
    def owed(self) -> Set[bytes]:
        """Identities of known mails whose detail is owed."""
        return self._known_index.known_by(*OWED)

    @property
    def learnt(self) -> Mapping[str, float]:
        """What the source showed of itself when the feed was collected before."""
        return self.cursor.learnt

    def known_as(self, identities: Set[bytes]) -> list[tuple[int, Event]]:
        """Return the known events with these identities, each with its source."""
        wanted = np.flatnonzero([row.tobytes() in identities for row in self._known_index.identities])
        if not len(wanted):
            return []
        raws = self.known.take(wanted).column("raw").to_pylist()
        index = self._known_index[wanted]
        digests_ = zip(index.identities, index.listings, strict=True)
        states = [STATES[code] for code in index.details]
        return [
            (int(place), Event(int(time), identity.tobytes(), listing.tobytes(), state, raw.encode()))
            for place, time, (identity, listing), state, raw in zip(
                wanted, index.times, digests_, states, raws, strict=True
            )
        ]

    def held_in(self, beside: Hour, identities: Set[bytes]) -> Set[bytes]:
        """Return those of the identities that another hour of the feed has."""
        return self._store.held_in(self.feed, beside, identities)

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
            self.cursor.committed(done.manifest, found)
        self.journal.discard()
        self.done = done
        return done

    def _commit(self, found: Collection) -> Commit:
        layout, feed, hour, before = self._layout, self.feed, self.hour, self.before
        kept, strays = self._found(found)
        found_index = self.kept.index(kept.sources).at(kept.times)
        merged = merge(self._known_index, found_index, kept.sources, self.kept.later_states)
        self._store.describe_itself(self.notes.append)
        snapshot, log = self._write(merged)
        stored = StoredFile(layout.relative(layout.log(feed, hour)), log.bytes, log.sha256)
        manifest = manifest_of(feed, hour, merged.index, replace(found, strays=strays), before, stored, snapshot)
        write_manifest(layout.manifest(feed, hour), manifest)
        return Commit(
            manifest,
            merged.added,
            merged.changed,
            merged.unseen,
            _lateness(merged, before),
            log.change,
            layout.log(feed, hour),
            layout.snapshot(feed, hour),
        )

    def _found(self, found: Collection) -> tuple[Kept, frozenset[bytes]]:
        """What was found, less the strays that an hour beside holds since it was listed; and the strays left."""
        kept = found.events
        if not isinstance(kept, Kept):
            times = np.array([event.time for event in kept], np.int64)
            kept = Kept(np.array(self.gather(kept), np.int64), times)
        doubled = found.strays & self.strays_elsewhere
        if doubled:
            index = self.kept.index(kept.sources)
            mine = np.ones(len(index), bool)
            for identity in doubled:
                mine &= (index.identities != digests(identity)).any(axis=1)
            kept = Kept(kept.sources[mine], kept.times[mine])
        return kept, found.strays - doubled

    def _write(self, merged: Merged) -> tuple[StoredFile, Written]:
        """Snapshot, then log, as far as they are not yet what was merged; the records are read once for both."""
        before, rows = self.before, self._rows
        path, log_path = self._layout.snapshot(self.feed, self.hour), self._layout.log(self.feed, self.hour)
        log_is_as_before = before is not None and before.log.sha256 == digest_of(log_path)
        snapshot = None if merged.added or merged.changed else self._snapshot_as_before
        if before and snapshot and log_is_as_before:
            return snapshot, Written(Change.UNCHANGED, before.log.bytes, before.log.sha256)
        if before and not log_is_as_before:
            self._keep_damaged_log(log_path)

        with bring_up_to_date(log_path) as log:

            def batches() -> Iterator[pa.RecordBatch]:
                for batch in self.kept.batches(merged.index, merged.sources):
                    log.add(lines_of(batch))
                    yield batch
                log.settle()
                self.known.close()  # Windows replaces no file that is open

            if snapshot is None:
                snapshot = StoredFile(self._layout.relative(path), *write_snapshot(path, batches(), rows))
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
        """A log that is neither what was committed nor what the snapshot says is somebody's damage: it is set aside."""
        if says(path, self.kept.lines(np.arange(len(self._known_index)))):
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
