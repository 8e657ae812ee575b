"""Takes the old tool's logs into the store: sorted by the hour of each event first, then committed hour by hour.

What is in the store stays as it is. An hour of logs says so (`origin`) and never counts as complete: the old files
name hours by the run that wrote them, repeat events and lack others.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from upath import UPath

from mailevents_dagster.collecting.configuration import rules_of, states_of
from mailevents_dagster.collecting.planning import wanted_from
from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.files.json_text import one_line, parse
from mailevents_dagster.model.event import Collection, Detail, Event, Origin
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.formats import UNKNOWN_ROW
from mailevents_dagster.sources.uzmanposta.migration.old_logs import OldLog, OldLogs, records
from mailevents_dagster.sources.uzmanposta.migration.positions import EARLIEST
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.schema import record_time
from mailevents_dagster.store.cursors import UNFINISHED
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster.store.store import Store

DETAIL_FIELDS: Final = frozenset({"logs", "transactions", "filters", "emails"})
"""What only the detail of a mail has: a record without any of them is a row of the listing."""
BYTES_AT_ONCE: Final = 32 * 2**20
"""Of lines that wait to be sorted away, so that no file is opened for every line."""
BYTES_AROUND: Final = 50
"""That a line takes in memory beside its own."""
TORN: Final = 0
"""Stands for an hour where lines are no records."""
QUARTER: Final = 900
"""Seconds in which the clock of no time zone moves."""

Tell = Callable[[int], object]
"""Takes how much more was done."""


@dataclass(slots=True)
class Sorted:
    """What the old logs hold."""

    hours: dict[Feed, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    """How many records of each hour, by its first second."""
    files: Counter[Feed] = field(default_factory=Counter)
    unreadable: Counter[Feed] = field(default_factory=Counter)
    """Lines, or parts of lines, that are no record with a time."""


@dataclass(slots=True)
class Adopted:
    """What became of one feed's events."""

    hours: int = 0
    """That were written."""
    added: int = 0
    repeats: int = 0
    there: int = 0
    """Events that the store had before."""


@dataclass(slots=True)
class Adoption:
    """Old logs that were read, on their way into the store; empty where there are none."""

    store: Store
    logs: OldLogs = field(default_factory=OldLogs)
    found: Sorted = field(default_factory=Sorted)
    folder: Path | None = None
    """Where their lines lie, hour by hour; None where they were only counted."""
    done: dict[Feed, Adopted] = field(default_factory=dict)

    @property
    def first(self) -> int | None:
        """The oldest hour."""
        return min((min(hours) for hours in self.found.hours.values()), default=None)

    @property
    def records(self) -> int:
        return sum(hours.total() for hours in self.found.hours.values())

    def adopt(self, settings: Settings, tell: Tell) -> None:
        """Commits the sorted hours, oldest first; those that are there with all their events are not touched."""
        rules = rules_of(settings)
        for state in states_of(settings, self.store):
            # What automation asks the API for must stay open, or it would not be asked for.
            open_from = wanted_from(state, time.time(), rules)
            for start, count in sorted(self.found.hours.get(state.feed, Counter()).items()):
                self._adopt(state.feed, Hour(start, self.store.timezone), closed=start < open_from)
                tell(count)

    def _adopt(self, feed: Feed, hour: Hour, *, closed: bool) -> None:
        assert self.folder  # noqa: S101 - only counting ends before
        events = _events(feed, _file(self.folder, feed, hour.start))
        adopted = self.done.setdefault(feed, Adopted())
        adopted.repeats += self.found.hours[feed][hour.start] - len(events)
        added = 0
        if not _is_there(self.store, feed, hour, events, closed=closed):
            adopted.hours += 1
            with self.store.open_hour(feed, hour) as work:
                added = work.commit(_collection(work, events, closed=closed)).added
        adopted.added += added
        adopted.there += len(events) - added


def sort_logs(store: Store, logs: Sequence[OldLog], folder: Path | None, tell: Tell) -> Sorted:
    """Puts every record into the file of its own hour in the folder, or only counts where there is none."""
    found, away, now = Sorted(), _Away(folder), time.time()
    hours: dict[int, int] = {}

    def hour_of(at: int) -> int:
        if at // QUARTER not in hours:
            hours[at // QUARTER] = Hour.containing(at, store.timezone).start
        return hours[at // QUARTER]

    for log in logs:
        torn = 0
        for line in _lines(log.path, tell):
            good, bad = records(line, log.feed.kind.category)
            for record in good:
                at = record_time(log.feed.kind.category, record)
                if at is None or not EARLIEST <= at <= now:
                    bad.append(one_line(record))
                    continue
                found.hours[log.feed][hour_of(at)] += 1
                away.put(log.feed, hour_of(at), one_line(record))
            torn += len(bad)
            for part in bad:
                away.put(log.feed, TORN, part)
        found.files[log.feed] += 1
        found.unreadable[log.feed] += torn
        if folder and torn:
            away.write()
            _set_aside(store, log, _file(folder, log.feed, TORN))
    away.write()
    return found


class _Away:
    """Lines on their way into the files of their hours, many at once: no file is opened for each."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lines: defaultdict[tuple[Feed, int], list[bytes]] = defaultdict(list)
        self._size = 0

    def put(self, feed: Feed, start: int, line: bytes) -> None:
        if self._folder:
            self._lines[feed, start].append(line)
            self._size += len(line) + BYTES_AROUND
            if self._size > BYTES_AT_ONCE:
                self.write()

    def write(self) -> None:
        for (feed, start), lines in self._lines.items():
            assert self._folder  # noqa: S101 - without it nothing is put
            path = _file(self._folder, feed, start)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.writelines(line + b"\n" for line in lines)
        self._lines.clear()
        self._size = 0


def _lines(path: Path, tell: Tell) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            tell(len(line))
            if stripped := line.strip():
                yield stripped


def _file(folder: Path, feed: Feed, start: int) -> Path:
    return folder / feed.domain / feed.name / f"{start}.lines"


def _set_aside(store: Store, log: OldLog, torn: Path) -> None:
    """Keeps what is no record under a name that follows from it, so that it is kept once."""
    path = store.layout.unreadable(log.feed, log.path.name, digest_of(UPath(torn)) or "")
    if not path.exists():
        with torn.open("rb") as source, publish(path) as file:
            shutil.copyfileobj(source, file)
    torn.unlink()


def _events(feed: Feed, path: Path) -> list[Event]:
    """The events of an hour, oldest first; of repeats the fullest, in the place of the first."""
    events: dict[bytes, Event] = {}
    with path.open("rb") as file:
        for line in file:
            event = _event(feed, line)
            known = events.get(event.identity)
            if known is None or len(known.raw) < len(event.raw):
                events[event.identity] = event
    return sorted(events.values(), key=lambda event: event.time)


def _event(feed: Feed, line: bytes) -> Event:
    record = parse(line)
    assert isinstance(record, dict)  # noqa: S101 - it was sorted away as one
    row = row_of(feed.kind.category, record)
    assert row.time is not None  # noqa: S101 - it was sorted by it
    bare = row.queue_id is not None and not DETAIL_FIELDS & record.keys()
    return Event(row.time, row.identity, UNKNOWN_ROW, Detail.MISSING if bare else Detail.WHOLE, row.raw)


def _collection(work: OpenHour, events: Sequence[Event], *, closed: bool) -> Collection:
    """The events that the store does not have, with all that the API's own collection has said of the hour."""
    known = work.known.index.identities_of(*Detail) | work.strays_elsewhere
    before = work.before if work.before and work.before.origin is Origin.SOURCE else None
    return Collection(
        events=[event for event in events if event.identity not in known],
        strays=frozenset(),
        gaps=before.gaps if before else (),
        listed_at=before.listed_at if before else time.time(),
        closed=before.closed if before else closed,
        measures={},
        origin=Origin.LOGS,
    )


def _is_there(store: Store, feed: Feed, hour: Hour, events: Sequence[Event], *, closed: bool) -> bool:
    """Whether the hour has all the events, and its commit had come to its end."""
    lacking = {event.identity for event in events} - store.strays_beside(feed, hour)
    try:
        manifest, cursor = store.manifest(feed, hour), store.cursor(feed)
        if hour.start in cursor.failed and cursor.failed[hour.start].cause == UNFINISHED:
            return False
        if manifest is None:
            return not lacking
        if closed and manifest.origin is Origin.LOGS and not cursor.is_closed(hour.start):
            return False
        known = (event.identity for event in read_events(store.layout.snapshot(feed, hour)))
        return not lacking.difference(known)
    except DamagedError:
        return False
