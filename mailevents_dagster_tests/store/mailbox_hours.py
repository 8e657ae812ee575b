"""Hours of a feed whose events have blobs."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import orjson
import pyarrow as pa

from mailevents_dagster.model.columns import Column, RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import LOG_FILE_NAME, NOON, collection
from mailevents_dagster_tests.store.kept import commit


def _event(raw: bytes, at: int) -> Event:
    digest = hashlib.blake2b(raw, digest_size=16).digest()
    return Event(at, digest, digest, Detail.WHOLE, raw)


def _read(raws: pa.StringArray) -> list[pa.Array]:
    return [pa.array([orjson.loads(raw)["blob"] for raw in raws.to_pylist()], pa.string())]


ROWS: Final = RowFormat(
    (Column("blob", pa.string(), "The message."),), _read, _event, lambda _: None, blob_column="blob"
)
MESSAGES: Final = FeedKind("mailbox", "mailbox/messages", "mailbox", "messages", "Messages.", lambda: ROWS, ())
FUND, OTHER = Feed("fund@example.com", MESSAGES), Feed("other@example.com", MESSAGES)


def mailbox_store(folder: Path) -> Store:
    return Store(str(folder), "UTC", LOG_FILE_NAME, {MESSAGES.name: MESSAGES}, scratch=folder)


def message(store: Store, at: int, text: str | None) -> Event:
    """An event at a time with a blob of this text, or with none."""
    blob = None
    if text is not None:
        with store.blobs.new() as new:
            new.write(text.encode() * 100)
        blob = new.sha256
    return _event(orjson.dumps({"time": at, "blob": blob, "about": f"{at} {text}"}), at)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode() * 100).hexdigest()


def commit_messages(store: Store, texts: Sequence[str | None], feed: Feed = FUND, hour: Hour = NOON) -> None:
    events = [message(store, hour.start + number, text) for number, text in enumerate(texts)]
    commit(store, collection(events), feed, hour)


def make_old(store: Store, seconds: float) -> None:
    """Blobs were written so long before now, all of them."""
    for path in Path(str(store.layout.blobs)).rglob("*"):
        if path.is_file():
            at = path.stat().st_mtime - seconds
            os.utime(path, (at, at))


def texts_of(store: Store, *texts: str) -> set[str]:
    """Those of these texts whose blobs are there."""
    return {text for text in texts if store.blobs.path(digest_of(text))}
