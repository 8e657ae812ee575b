"""What tests of the store share: committing an hour, and reading back what is kept of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Collection, Event
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sharing.locks import FileLocks
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.cursor_file import read_cursor
from mailevents_dagster.store.cursors import Failure
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.hour.index import index_of
from mailevents_dagster.store.hour.log import StoredLog, Written, bring_up_to_date
from mailevents_dagster.store.hour.snapshot_columns import records_of, snapshot_batch
from mailevents_dagster.store.hour.snapshot_file import read_events, write_snapshot
from mailevents_dagster.store.manifest import StoredFile
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import (
    INCOMING,
    NOON,
    collection,
    digest,
    event,
    make_store,
)

LOG = "output/example.com/mail/incominglog/example.com_incominglog_2026-11-20_12.log"
SNAPSHOT = "parquet/domain=example.com/category=mail/type=incominglog/date=2026-11-20/12.parquet"
MANIFEST = "manifests/example.com/mail/incominglog/2026-11-20/12.json"
CURSOR = "cursors/example.com/mail/incominglog.json"
FEED_LOCK = "locks/example.com/mail/incominglog.lock"
CURSOR_LOCK = "locks/example.com/mail/incominglog/cursor.lock"
STORE_LOCK = "locks/store.lock"
HOUR_LOCK = "locks/example.com/mail/incominglog/12.lock"


def commit(store: Store, found: Collection | Sequence[Event], feed: Feed = INCOMING, hour: Hour = NOON) -> Commit:
    with store.open_hour(feed, hour) as work:
        return work.commit(found if isinstance(found, Collection) else collection(found))


def unguarded(storage: str, scratch: Path) -> Store:
    """A storage whose locks keep nobody else out, as if they were lost all the time; they cost no request."""
    store = make_store(storage, scratch=scratch)
    store.locks = FileLocks(store.layout.locks)
    return store


def write_events(path: StoredPath, events: Sequence[Event], rows: RowFormat = ROW_FORMATS["mail"]) -> tuple[int, str]:
    """A snapshot of these events; returns its size and digest."""
    return write_snapshot(path, [snapshot_batch(index_of(events), records_of(events, rows), rows)], rows)


def bring_log_up_to_date(path: StoredPath, events: Sequence[Event], stored: StoredLog | None = None) -> Written:
    """The log told of these events, one by one."""
    with bring_up_to_date(path, stored or StoredLog()) as update:
        for one in events:
            update.add(pa.py_buffer(one.raw + b"\n"))
    return update.written


def mail(time: int) -> Event:
    """An event with the identity that the source gives its record, by which it is known again in a log."""
    return replace(ROW_FORMATS["mail"].event_of(event(time).raw, time), listing=digest(f"row {time}"))


def known(store: Store, feed: Feed = INCOMING, hour: Hour = NOON) -> list[Event]:
    return read_events(store.layout.snapshot(feed, hour))


def root(store: Store) -> Path:
    return Path(str(store.layout.root))


def files(store: Store) -> dict[str, bytes]:
    """What is in each file; of the cursor, which hours it says are there."""
    found = {str(path.relative_to(root(store))): path.read_bytes() for path in root(store).rglob("*") if path.is_file()}
    if CURSOR in found:
        cursor = read_cursor(store.layout.root / CURSOR)
        assert cursor
        found[CURSOR] = repr((cursor.closed, cursor.open)).encode()
    return found


def assert_agrees_with_itself(store: Store, feed: Feed = INCOMING, hour: Hour = NOON) -> list[Event]:
    """Log, snapshot and manifest of an hour say the same; returns its events."""
    events = known(store, feed, hour)
    logged = store.layout.log(feed, hour).read_bytes()
    table = store.dataset(feed, [hour]).to_table(columns=["raw", "event_time"])
    assert logged == b"".join(one.raw + b"\n" for one in events)
    assert table["raw"].to_pylist() == [one.raw.decode() for one in events]
    assert [int(at.timestamp()) for at in table["event_time"].to_pylist()] == [one.time for one in events]
    assert [one.time for one in events] == sorted(one.time for one in events)
    said = store.manifest(feed, hour)
    assert said
    for stored in (said.log, said.snapshot):
        content = (store.layout.root / stored.path).read_bytes()
        assert stored == StoredFile(stored.path, len(content), hashlib.sha256(content).hexdigest())
    assert said.events == len(events)
    assert said.details_owed == sum(one.detail.is_owed for one in events)
    assert (said.first_event, said.last_event) == ((events[0].time, events[-1].time) if events else (None, None))
    assert not [name for name in files(store) if "partial" in name]
    return events


def commit_hours(store: Store, *numbers: int, closed: bool = True) -> None:
    """Commits the hours so far after noon, with an event each."""
    for hour in map(hour_of, numbers):
        commit(store, collection([event(hour.start)], closed=closed), hour=hour)


def fail(store: Store, error: BaseException, hour: Hour = NOON) -> Failure:
    """What the cursor says of a collection that was ended by this."""
    with pytest.raises(type(error)), store.open_hour(INCOMING, hour):
        raise error
    return store.cursor(INCOMING).failed[hour.start]
