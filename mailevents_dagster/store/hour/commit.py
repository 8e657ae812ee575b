"""What committing an hour did, and the manifest that says so."""

from __future__ import annotations

from dataclasses import dataclass

from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.event import Collection, Detail, Origin
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.index import OWED, Index
from mailevents_dagster.store.hour.log import Change
from mailevents_dagster.store.hour.merge import Merged
from mailevents_dagster.store.manifest import Manifest, StoredFile


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


def manifest_of(
    files: HourFiles, before: Manifest | None, index: Index, found: Collection, log: StoredFile, snapshot: StoredFile
) -> Manifest:
    """Return the manifest of an hour's events, after the one before it."""
    feed, hour = files.feed, files.hour
    strays = {stray.hex() for stray in found.strays}.union(before.strays if before else ())
    return Manifest(
        domain=feed.domain,
        feed=feed.name,
        hour=hour.key,
        timezone=hour.timezone,
        start=hour.start,
        end=hour.end,
        events=len(index),
        details_owed=index.count(*OWED),
        gaps=found.gaps,
        first_event=int(index.times.min()) if len(index) else None,
        last_event=int(index.times.max()) if len(index) else None,
        listed_at=found.listed_at,
        closed=found.closed or (before is not None and before.closed),
        strays=tuple(sorted(strays)),
        log=log,
        snapshot=snapshot,
        origin=Origin.SOURCE if before and before.origin is Origin.SOURCE else found.origin,
        details_purged=index.count(Detail.PURGED),
        ranges=found.ranges,
    )
