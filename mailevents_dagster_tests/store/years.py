"""A store of many hours, written in seconds: files of the right names and manifests that can be read, without fsync."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path

from mailevents_dagster.files.checksummed import _checksum
from mailevents_dagster.files.json_text import pretty
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import cursor_of
from mailevents_dagster.store.manifest import Manifest, StoredFile
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.planned import manifest_of

EVENTS = 7


def keep_hours(store: Store, feed: Feed, hours: Iterable[Hour]) -> None:
    """Closed hours with a log, a snapshot and a manifest each, and their cursor."""
    manifests: list[Manifest] = []
    for hour in hours:
        log, snapshot = (
            _stored(store, path) for path in (store.layout.log(feed, hour), store.layout.snapshot(feed, hour))
        )
        manifest = replace(manifest_of(feed, hour), events=EVENTS, last_event=hour.start, log=log, snapshot=snapshot)
        content = {**asdict(manifest), "complete": True, "listed": ""}
        _write(store.layout.manifest(feed, hour), pretty({**content, "checksum": _checksum(content)}))
        manifests.append(manifest)
    write_cursor(store.layout.cursor(feed), cursor_of(manifests), store.timezone)


def _stored(store: Store, path: StoredPath) -> StoredFile:
    _write(path, b"x" * 100)
    return StoredFile(store.layout.relative(path), 100, "0" * 64)


def _write(path: StoredPath, content: bytes) -> None:
    here = Path(str(path))
    here.parent.mkdir(parents=True, exist_ok=True)
    here.write_bytes(content)
