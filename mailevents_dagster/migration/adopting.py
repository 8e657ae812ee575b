"""Takes the old tool's logs into the store: sorted by the hour of each event first, then committed hour by hour.

What is in the store stays as it is. An hour of logs says so (`origin`) and never counts as complete: the old files
name hours by the run that wrote them, repeat events and lack others.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from mailevents_dagster.events import Collection, Detail, Event, Origin
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.jsontext import one_line, parse
from mailevents_dagster.migration.old_logs import OldLog, OldLogs, records
from mailevents_dagster.migration.positions import EARLIEST
from mailevents_dagster.planning import wanted_from
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.uzmanposta.formats import UNKNOWN_ROW
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.schema import record_time
from mailevents_dagster.states import rules_of, states_of
from mailevents_dagster.store.atomic import publish
from mailevents_dagster.store.cursors import UNFINISHED
from mailevents_dagster.store.damage import DamagedError
from mailevents_dagster.store.open_hour import OpenHour
from mailevents_dagster.store.parquet import read_events
from mailevents_dagster.store.store import Store

DETAIL_FIELDS: Final = frozenset({"logs", "transactions", "filters", "emails"})
"""What only the detail of a mail has: a record without any of them is a row of the listing."""
BYTES_AT_ONCE: Final = 32 * 2**20
"""Of lines that wait to be sorted away, so that no file is opened for every line."""
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
    found, now = Sorted(), time.time()
    hours: dict[int, Hour] = {}
    waiting: defaultdict[Path, list[bytes]] = defaultdict(list)
    size = 0
    for log in logs:
        found.files[log.feed] += 1
        torn: list[bytes] = []
        for line in _lines(log.path, tell):
            good, bad = records(line)
            torn += bad
            for record in good:
                at = record_time(log.feed.kind.category, record)
                if at is None or not EARLIEST <= at <= now:
                    torn.append(one_line(record))
                    continue
                hour = hours.get(at // QUARTER) or Hour.containing(at, store.timezone)
                hours[at // QUARTER] = hour
                found.hours[log.feed][hour.start] += 1
                if folder:
                    waiting[_file(folder, log.feed, hour.start)].append(one_line(record))
                    size += len(line)
        found.unreadable[log.feed] += len(torn)
        if folder and torn:
            _set_aside(store, log, torn)
        if folder and size > BYTES_AT_ONCE:
            size = _put_away(waiting)
    _put_away(waiting)
    return found


def _lines(path: Path, tell: Tell) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            tell(len(line))
            if stripped := line.strip():
                yield stripped


def _file(folder: Path, feed: Feed, start: int) -> Path:
    return folder / feed.domain / feed.name / f"{start}.lines"


def _put_away(waiting: dict[Path, list[bytes]]) -> int:
    for path, lines in waiting.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.writelines(line + b"\n" for line in lines)
    waiting.clear()
    return 0


def _set_aside(store: Store, log: OldLog, torn: Sequence[bytes]) -> None:
    """Keeps what is no record under a name that follows from it, so that it is kept once."""
    content = b"\n".join(torn) + b"\n"
    path = store.layout.unreadable(log.feed, log.path.name, hashlib.sha256(content).hexdigest())
    if not path.exists():
        with publish(path) as file:
            file.write(content)


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
    known = {event.identity for event in work.known} | work.strays_elsewhere
    before = work.before if work.before and work.before.origin is Origin.API else None
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
