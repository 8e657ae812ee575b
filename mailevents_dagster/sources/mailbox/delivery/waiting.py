"""Mails that are committed and not delivered yet: noted in the outbox without a collection of their hours."""

from __future__ import annotations

from collections.abc import Iterator

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.sources.mailbox.delivery.noting import READ, Noting, note_mails
from mailevents_dagster.sources.mailbox.feeds import SFTP, messages_of
from mailevents_dagster.store.cursors import gaps
from mailevents_dagster.store.store import Store


def note_committed(store: Store, noting: Noting, start: int, now: float) -> int:
    """Note the mails of hours from `start` on that are committed and whose delivery is not; return how many are new."""
    feed, noted = messages_of(noting.mailbox), 0
    for hour in _open_hours(store, Feed(noting.mailbox, SFTP), start, now):
        with store.holding(feed, hour, lambda _: None):
            manifest = store.manifest(feed, hour)
            if manifest is None:
                continue
            rows = store.table(feed, hour, READ).to_pylist()
        noted += note_mails(noting, rows, hour.start, is_closed=manifest.closed)
    return noted


def _open_hours(store: Store, feed: Feed, start: int, now: float) -> Iterator[Hour]:
    """Yield the hours that are not closed in the feed of deliveries, and so may hold what was never noted."""
    cursor = store.readable_cursor(feed)
    end = Hour.containing(now, store.timezone).end
    for first, last in gaps((start, end), cursor.closed if cursor else ()):
        yield from hours_between(first, last, store.timezone)
