"""Hours to be destroyed, and what is there of them."""

from __future__ import annotations

from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.destruction_record import Destruction
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import (
    INCOMING,
    NOON,
    START,
)
from mailevents_dagster_tests.store.kept import files, root

RECORD = "destroyed/example.com/mail/incominglog/2026-11-20/12.json"
BEGUN = "destroyed/example.com/mail/incominglog/2026-11-20_12.begun"
JOURNAL = "journal/example.com/mail/incominglog/2026-11-20_12.journal"
RULE = "mail_days: 90"
LATER = START + 50 * 86_400.0


def never(why: str) -> None:
    raise AssertionError(why)


def inventory(store: Store, feed: Feed = INCOMING) -> dict[Hour, list[StoredPath]]:
    return Inventory(store.layout, store.timezone, LATER).files(feed, LATER)


def destroy(store: Store, hour: Hour = NOON, feed: Feed = INCOMING) -> Destruction | None:
    with destroying(store, feed, hour, inventory(store, feed).get(hour, []), RULE, never) as record:
        return record


def kept(store: Store, hour: Hour = NOON) -> dict[str, bytes]:
    """Files with the hour in their name; locks and the like are none of its business."""
    return {name: content for name, content in files(store).items() if hour.stamp("%Y-%m-%d") in name}


def leave(store: Store, *names: str) -> None:
    for name in names:
        path = root(store) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'{"mailfrom":"person@example.com"}')
