"""What time it is by those who gave the hours: a second witness, beside this machine's clock."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.store import Store


def newest_witnessed(store: Store, feeds: Iterable[Feed]) -> float | None:
    """Return the newest time that any source showed; None where none did."""
    return max((time for feed in feeds if (time := _witnessed(store, feed)) is not None), default=None)


def _witnessed(store: Store, feed: Feed) -> float | None:
    """Return what the source's clock showed last; where it never said, the time of the newest event."""
    cursor = store.readable_cursor(feed)
    if cursor is None:  # the next collection makes it anew
        return None
    return _newest_event(store, feed, cursor) if cursor.witnessed is None else cursor.witnessed


def _newest_event(store: Store, feed: Feed, cursor: Cursor) -> float | None:
    closed = chain.from_iterable(range(first, end, SECONDS) for first, end in cursor.closed)
    for start in sorted({*closed, *cursor.open}, reverse=True):
        hour = Hour(start, store.timezone)
        manifest = store.readable_manifest(feed, hour)
        if manifest and manifest.last_event is not None:
            return min(manifest.last_event, manifest.end)  # a stray says of its time what it likes
    return None
