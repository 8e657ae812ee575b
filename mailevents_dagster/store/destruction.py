"""Destroying an hour: what holds its events goes, its manifest stays, and a record says what went, when and why."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path

from mailevents_dagster.files.atomic import sync_folder
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.files.stored_path import StoredPath, is_local
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.blob_names import doom
from mailevents_dagster.store.destruction_record import Destruction, read_destruction, write_destruction
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.manifest import Manifest, StoredFile
from mailevents_dagster.store.store import Store


@contextmanager
def destroying(
    store: Store, feed: Feed, hour: Hour, files: Collection[StoredPath], rule: str, when_held: Callable[[str], object]
) -> Iterator[Destruction | None]:
    """Destroy an hour and yield the record; None where there was nothing left to destroy.

    The record is there before anything is deleted, and counts as begun until the block ends well: after a kill at any
    moment the next call for the hour goes on, and yields the record again.
    """
    layout = store.layout
    begun = layout.begun_destruction(feed, hour)
    with store.holding(feed, hour, when_held):
        with store.writing(feed):
            manifest = store.readable_manifest(feed, hour)  # a damaged one holds no events and stays as it is
            there = _by_name(layout, manifest, [*files, *layout.personal_summaries(feed, hour)])
            if not there and not begun.exists():
                yield None
                return
            record = _begun(begun, there, _record(layout, feed, hour, manifest, rule))
            # Before anything goes: what the cursor does not have as closed is not asked for records on an object store.
            store.feed_cursor(feed).change_if_whole(lambda cursor: cursor.destroyed(hour))
            if column := feed.kind.rows.blob_column:
                doom(layout, there.values(), column)
            _delete(layout, feed, there.values())
            record = replace(record, finished=time.time())
            write_destruction(layout.destruction(feed, hour), record)
        yield record
        begun.unlink()


def take_back(store: Store, record: Destruction, when_held: Callable[[str], object]) -> None:
    """Make an hour that should not have been destroyed one that was never collected; its record is kept aside.

    The manifest goes with it, since there is nothing left that it proves; its digests are in the record. The record is
    moved last: after a kill at any moment the next call goes on.
    """
    feed, hour = store.feed(record.domain, record.feed), Hour(record.start, store.timezone)
    with store.holding(feed, hour, when_held), store.writing(feed):
        store.feed_cursor(feed).change_if_whole(lambda cursor: cursor.missing_again(hour))
        store.layout.manifest(feed, hour).unlink(missing_ok=True)
        write_destruction(store.layout.undone_destruction(feed, hour), record)
        store.layout.begun_destruction(feed, hour).unlink(missing_ok=True)
        store.layout.destruction(feed, hour).unlink(missing_ok=True)


def _by_name(layout: Layout, manifest: Manifest | None, files: Collection[StoredPath]) -> dict[str, StoredPath]:
    """Return the files that are there, those of the manifest too: log files may have had other names before."""
    committed = (manifest.log.path, manifest.snapshot.path) if manifest else ()
    named = {**{name: layout.root / name for name in committed}, **{layout.relative(file): file for file in files}}
    return {name: file for name, file in sorted(named.items()) if file.exists()}


def _record(layout: Layout, feed: Feed, hour: Hour, manifest: Manifest | None, rule: str) -> Destruction:
    before = _readable(layout.destruction(feed, hour)) or _readable(layout.undone_destruction(feed, hour))
    return Destruction(
        domain=feed.domain,
        feed=feed.name,
        hour=hour.key,
        timezone=hour.timezone,
        start=hour.start,
        end=hour.end,
        events=manifest.events if manifest else None,
        files=(manifest.log, manifest.snapshot) if manifest else (),
        rule=rule,
        begun=time.time(),
        finished=None,
        program=f"mailevents-dagster {version('mailevents-dagster')}",
        earlier=(asdict(replace(before, earlier=())), *before.earlier) if before else (),
    )


def _begun(path: StoredPath, there: Mapping[str, StoredPath], new: Destruction) -> Destruction:
    """Return the written record; that of a destruction which was cut short goes on, with what it did not know."""
    before = _readable(path)
    record = before or new
    known = {file.path for file in record.files}
    more = [
        StoredFile(name, file.stat().st_size, digest_of(file) or "")
        for name, file in there.items()
        if name not in known
    ]
    record = replace(record, files=(*record.files, *more))
    if more or not before:
        write_destruction(path, record)
    return record


def _readable(path: StoredPath) -> Destruction | None:
    """Return the record; a damaged one is set aside and counts as none."""
    try:
        return read_destruction(path)
    except DamagedError:
        set_aside(path)
        return None


def _delete(layout: Layout, feed: Feed, files: Iterable[StoredPath]) -> None:
    """Delete the files, so that a power cut does not bring them back, and the folders that are empty then."""
    folders: set[Path] = set()
    for file in files:
        file.unlink(missing_ok=True)
        folder = file.parent
        if is_local(folder):
            folders.add(folder)
    for folder in folders:
        sync_folder(folder)
    folders.discard(layout.journals(feed))  # others make it and write into it without a lock
    for folder in (*folders, layout.snapshots(feed)) if folders else ():
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()
