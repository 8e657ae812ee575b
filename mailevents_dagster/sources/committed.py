"""Hours of one feed that another feed of the same owner is made of."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pyarrow as pa

from mailevents_dagster.model.event import WAITS_FOR_OTHER, SourceError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.store import Store


class NotCommittedError(SourceError):
    """An hour that another is made of is not there, and never will be where it is gone."""

    def __init__(self, message: str, *, is_gone: bool) -> None:
        super().__init__(message)
        self.cause = "gone" if is_gone else WAITS_FOR_OTHER
        self.hour_is_gone = is_gone
        self.is_passing = not is_gone


def committed(store: Store, feed: Feed, hour: Hour, columns: Sequence[str]) -> tuple[Manifest, pa.Table]:
    """Return what is committed of an hour, once whoever is collecting it has done so."""
    with store.holding(feed, hour, lambda _: None):
        manifest = _manifest(store, feed, hour)
        return manifest, store.table(feed, hour, columns)


def committed_manifest(store: Store, feed: Feed, hour: Hour) -> Manifest:
    """Return what is known of a committed hour, once whoever is collecting it has done so."""
    with store.holding(feed, hour, lambda _: None):
        return _manifest(store, feed, hour)


def _manifest(store: Store, feed: Feed, hour: Hour) -> Manifest:
    manifest = store.manifest(feed, hour)
    if manifest is None:
        raise _not_there(store, feed, hour)
    return manifest


def _not_there(store: Store, feed: Feed, hour: Hour) -> NotCommittedError:
    cursor = store.readable_cursor(feed)
    if cursor and cursor.refused and time.time() + cursor.clock - hour.start >= cursor.refused.age:
        gone = f"{feed} can no longer be had of {hour}, so there is nothing to make this of."
        return NotCommittedError(gone, is_gone=True)
    what = f"{feed} is not collected for {hour}, which this is made of. Materialize that first."
    return NotCommittedError(what, is_gone=False)
