"""The names of locks. What only one machine has is locked by its path instead."""

from __future__ import annotations

from typing import Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour

ADOPTING: Final = "adopting"
ALERTS: Final = "alerts"
REPORT: Final = "report"
STORE: Final = "store"
"""Held while old logs are taken in, somebody is told, the report is sent, and while the storage is described."""


def hour_lock(feed: Feed, hour: Hour) -> str:
    """Held while the hour is collected. Hours a day apart share one, so that their number stays small."""
    return f"{feed.domain}/{feed.name}/{hour.start // SECONDS % 24:02d}"


def feed_lock(feed: Feed) -> str:
    """Held while an hour of the feed is committed or destroyed."""
    return f"{feed.domain}/{feed.name}"


def cursor_lock(feed: Feed) -> str:
    """Held for moments, while the feed's cursor is changed."""
    return f"{feed.domain}/{feed.name}/cursor"


def blob_lock(sha256: str) -> str:
    """Held while a blob is replaced or removed. Those with the same beginning share one."""
    return f"blobs/{sha256[:2]}"


def suppression_lock(domain: str) -> str:
    """Held for moments, while somebody changes the domain's suppression list."""
    return f"{domain}/suppression"
