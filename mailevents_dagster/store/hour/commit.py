"""What committing an hour did."""

from __future__ import annotations

from dataclasses import dataclass

from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.event import Origin
from mailevents_dagster.store.hour.log import Change
from mailevents_dagster.store.hour.merge import Merged
from mailevents_dagster.store.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Commit:
    """The commit of an hour, and what it changed."""

    manifest: Manifest
    added: int
    changed: int
    unseen: int
    lateness: float
    """Seconds after its own time that an event which is new was certainly not shown yet: it appeared later still."""
    log_change: Change
    log: StoredPath
    snapshot: StoredPath


def lateness(merged: Merged, before: Manifest | None, listed_at: float | None) -> float:
    """Return the time from the oldest new event to the listing before, which did not have it; zero if there is none."""
    if before is None or before.origin is not Origin.SOURCE or merged.oldest_added is None:
        return 0.0
    listed_at = max(before.listed_at, listed_at or 0.0)
    return round(max(0.0, listed_at - max(merged.oldest_added, before.start)), 1)
