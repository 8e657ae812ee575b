"""Takes the old tool's logs into the store: sorted by the hour of each event first, then committed hour by hour.

What is in the store stays as it is. An hour of logs says so (`origin`) and never counts as complete: the old files
name hours by the run that wrote them, repeat events and lack others.
"""

from __future__ import annotations

import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.files.json_text import one_line, parse
from mailevents_dagster.model.event import Detail, Event, Origin
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.additions import additions
from mailevents_dagster.sources.uzmanposta.field_names import DETAIL_FIELDS
from mailevents_dagster.sources.uzmanposta.formats import UNKNOWN_ROW
from mailevents_dagster.sources.uzmanposta.migration.old_logs import OldLogs, records
from mailevents_dagster.sources.uzmanposta.migration.old_tool import EARLIEST
from mailevents_dagster.sources.uzmanposta.rows import row_of
from mailevents_dagster.sources.uzmanposta.schema import record_time
from mailevents_dagster.store.cursors import UNFINISHED
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster.store.store import Store

BYTES_AT_ONCE: Final = 32 * 2**20
"""Of lines that wait to be sorted away, so that no file is opened for every line."""
TORN: Final = 0
"""Stands for an hour where lines are not records."""

QUARTER: Final = 900
"""Seconds in which the clock of no time zone moves."""

Report = Callable[[int], object]
"""Takes how much more was done."""


@dataclass(slots=True)
class Adopted:
    """What the old logs of one feed hold, and what became of it."""

    files: int = 0
    hours: Counter[int] = field(default_factory=Counter)
    """How many records of each hour, by its first second."""
    unreadable: int = 0
    """Lines, or parts of lines, that are not a record with a time."""
    repeats: int = 0
    there: int = 0
    """Events that the store had before."""
    added: int = 0
    written: int = 0
    """Hours."""


@dataclass(slots=True)
class Adoption:
    """Old logs on their way into the store; empty where there are none."""

    store: Store
    logs: OldLogs = field(default_factory=OldLogs)
    folder: Path | None = None
    """Where their lines lie, hour by hour; None where they are only counted."""
    feeds: dict[Feed, Adopted] = field(default_factory=dict)

    @property
    def first(self) -> int | None:
        """The oldest hour."""
        return min((start for adopted in self.feeds.values() for start in adopted.hours), default=None)

    @property
    def records(self) -> int:
        return sum(adopted.hours.total() for adopted in self.feeds.values())

    def sort(self, report: Report) -> None:
        """Put every record into the file of its own hour in the folder, or only count it."""
        for feed, paths in self.logs.files.items():
            adopted = self.feeds[feed] = Adopted(len(paths))
            for path in paths:
                self._sort(feed, path, adopted, report)

    def _sort(self, feed: Feed, path: Path, adopted: Adopted, report: Report) -> None:
        hours: defaultdict[int, list[bytes]] = defaultdict(list)
        waiting, now = 0, time.time()
        with path.open("rb") as file:
            for line in file:
                report(len(line))
                good, bad = records(line.strip(), feed.kind.category)
                for record in good:
                    at = record_time(feed.kind.category, record)
                    if at is None or not EARLIEST <= at <= now:
                        bad.append(one_line(record))
                    else:
                        start = _hour_of(at // QUARTER, self.store.timezone)
                        adopted.hours[start] += 1
                        hours[start].append(one_line(record))
                adopted.unreadable += len(bad)
                hours[TORN] += bad
                waiting += len(line)
                if waiting > BYTES_AT_ONCE:
                    self._put_away(feed, hours)
                    waiting = 0
        self._put_away(feed, hours)
        if self.folder and (torn := _file(self.folder, feed, TORN)).exists():
            _set_aside(self.store, feed, path.name, torn)

    def _put_away(self, feed: Feed, hours: dict[int, list[bytes]]) -> None:
        for start, lines in hours.items():
            if self.folder and lines:
                path = _file(self.folder, feed, start)
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("ab") as file:
                    file.writelines(line + b"\n" for line in lines)
        hours.clear()

    def adopt(self, open_from: Mapping[Feed, int], report: Report) -> None:
        """Commit the sorted hours, oldest first; those that are there with all their events are not touched.

        What automation asks the API for must stay open, or it would not be asked for: of each feed from an hour on.
        """
        for feed, first in open_from.items():
            adopted = self.feeds.get(feed, Adopted())
            for start, count in sorted(adopted.hours.items()):
                self._adopt(feed, Hour(start, self.store.timezone), adopted, closed=start < first)
                report(count)

    def _adopt(self, feed: Feed, hour: Hour, adopted: Adopted, *, closed: bool) -> None:
        assert self.folder  # noqa: S101 - only counting ends before
        events = _events(feed, _file(self.folder, feed, hour.start))
        added = 0
        if not _is_there(self.store, feed, hour, events, closed=closed):
            with self.store.open_hour(feed, hour) as work:
                added = work.commit(additions(work, _lacking(work, events), Origin.LOGS, closed=closed)).added
            adopted.written += 1
        adopted.repeats += adopted.hours[hour.start] - len(events)
        adopted.added += added
        adopted.there += len(events) - added


@lru_cache
def _hour_of(quarter: int, timezone: str) -> int:
    return Hour.containing(quarter * QUARTER, timezone).start


def _file(folder: Path, feed: Feed, start: int) -> Path:
    return folder / feed.domain / feed.name / f"{start}.lines"


def _set_aside(store: Store, feed: Feed, name: str, torn: Path) -> None:
    """Keep what is not a record under a name that follows from it, so that it is kept once."""
    path = store.layout.unreadable(feed, name, digest_of(torn) or "")
    if not path.exists():
        with torn.open("rb") as source, publish(path) as file:
            shutil.copyfileobj(source, file)
    torn.unlink()


def _events(feed: Feed, path: Path) -> list[Event]:
    """Read the events of an hour, oldest first; of repeats the fullest, in the place of the first."""
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
    bare = row.queue_id is not None and record.keys().isdisjoint(DETAIL_FIELDS)
    return Event(row.time, row.identity, UNKNOWN_ROW, Detail.MISSING if bare else Detail.WHOLE, row.raw)


def _lacking(work: OpenHour, events: Sequence[Event]) -> list[Event]:
    """Return the events that the store lacks."""
    known = work.known.index.identities_of(*Detail) | work.strays_elsewhere
    return [event for event in events if event.identity not in known]


def _is_there(store: Store, feed: Feed, hour: Hour, events: Sequence[Event], *, closed: bool) -> bool:
    """Return whether the hour has all the events, and its commit had come to its end."""
    lacking = {event.identity for event in events} - store.strays_beside(feed, hour)
    try:
        manifest, cursor = store.manifest(feed, hour), store.cursor(feed)
        if hour.start in cursor.failed and cursor.failed[hour.start].cause == UNFINISHED:
            return False
        if manifest is None:
            return not lacking
        if closed and manifest.origin is Origin.LOGS and not cursor.is_closed(hour.start):
            return False
        return lacking <= {event.identity for event in read_events(store.layout.snapshot(feed, hour))}
    except DamagedError:
        return False
