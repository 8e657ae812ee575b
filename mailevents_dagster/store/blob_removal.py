"""Removing blobs that no hour needs any longer.

Whoever destroys an hour notes its blobs first. What is noted goes if no hour that is left names it, and no journal.
That costs a look into one column of every snapshot with blobs, on days on which hours were destroyed; nothing has to be
kept up to date meanwhile, so nothing can be wrong after a crash, nor after files were restored.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Final

from mailevents_dagster.files.atomic import PARTIAL, sync_folder
from mailevents_dagster.files.stored_path import is_local
from mailevents_dagster.store.blob_names import journals_of, named_in_snapshot, named_in_text, snapshots_of
from mailevents_dagster.store.blobs import KEPT, SUFFIXES, written_at
from mailevents_dagster.store.layout import Layout, names_in
from mailevents_dagster.store.lock_names import blob_lock
from mailevents_dagster.store.retention import Retention
from mailevents_dagster.store.store import Store

LEFTOVERS: Final = 100_000
"""Most blobs that are looked for at once without a note of them."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed, of how many bytes on disk, and how many blobs wait until they are old enough."""

    blobs: int = 0
    bytes: int = 0
    waiting: int = 0


def remove_unneeded(store: Store, retention: Retention, now: float) -> Removed:
    """Remove the blobs of destroyed hours that nothing else needs, and what killed processes left.

    `now` is how much of the time can be trusted. DamagedError where a snapshot cannot be read: what it needs is
    unknown, so nothing is removed.
    """
    layout = store.layout
    notes = {layout.doomed_blobs / name: set[str]() for name in names_in(layout.doomed_blobs)}
    for path, names in notes.items():
        names.update(path.read_text().split())
    leftovers = islice(_older_than(layout, _all_expired_before(store, retention, now)), LEFTOVERS)
    doomed = set[str](leftovers).union(*notes.values())
    unneeded = doomed - _needed(store, doomed) if doomed else doomed
    sizes = {name: _remove(store, name, now - KEPT) for name in unneeded}
    # Before the notes go: a power cut must not bring blobs back that nothing speaks of.
    for folder in {layout.blob(name, "").parent for name, size in sizes.items() if size}:
        if is_local(folder):
            sync_folder(folder)
    waiting = {name for name, size in sizes.items() if size is None}
    for path, names in notes.items():
        if not waiting & names:
            path.unlink()
    _remove_partial(layout, now - KEPT)
    removed = [size for size in sizes.values() if size]
    return Removed(len(removed), sum(removed), len(waiting))


def _needed(store: Store, doomed: Set[str]) -> set[str]:
    """Return those that an hour names. Journals come first: what leaves them meanwhile is in a snapshot by then."""
    columns = {feed: column for feed in store.feeds() if (column := feed.kind.rows.blob_column)}
    needed = set[str]()
    for feed in columns:
        for path in journals_of(store.layout, feed):
            with suppress(FileNotFoundError):  # committed meanwhile
                needed.update(name for name in named_in_text(path) if name in doomed)
    for feed, column in columns.items():
        for path in snapshots_of(store.layout, feed):
            with suppress(FileNotFoundError):  # destroyed meanwhile
                needed |= doomed & named_in_snapshot(path, column)
    return needed


def _remove(store: Store, name: str, before: float) -> int | None:
    """Remove a blob and return its bytes on disk, zero where it is gone; None where it is not old enough."""
    layout = store.layout
    with store.locks.holding(blob_lock(name)):
        size = 0
        for path in (layout.blob(name, suffix) for suffix in SUFFIXES):
            with suppress(FileNotFoundError):
                if (written_at(path) or 0.0) >= before:
                    return None
                size += path.stat().st_size
                path.unlink()
        return size


def _all_expired_before(store: Store, retention: Retention, now: float) -> float | None:
    """Return since when a blob must have been there for all hours that could need it to have expired, if any hour does.

    A message is kept after it came. With a legal hold, what has expired may still be needed.
    """
    feeds = [feed for feed in store.feeds() if feed.kind.rows.blob_column]
    rules = [retention.rule(feed) for feed in feeds]
    if not rules or None in rules or any(feed.matches(hold.feeds) for feed in feeds for hold in retention.holds):
        return None
    return min(rule.cutoff(now) for rule in rules if rule)


def _older_than(layout: Layout, before: float | None) -> Iterator[str]:
    """Yield the blobs that were written before, on a disk of this machine: an object store says it one by one."""
    folder = layout.blobs
    if before is None or not is_local(folder) or not folder.exists():
        return
    for one in _entries(folder):
        if len(one.name) == 2 and one.is_dir():
            for blob in _entries(one):
                if blob.stat().st_mtime < before:
                    yield blob.name.partition(".")[0]


def _remove_partial(layout: Layout, before: float) -> None:
    """Remove what killed processes began to write."""
    folder = layout.blobs
    for one in _entries(folder) if is_local(folder) and folder.exists() else ():
        if one.name.endswith(PARTIAL) and one.stat().st_mtime < before:
            Path(one).unlink(missing_ok=True)


def _entries(folder: Path | os.DirEntry[str]) -> Iterable[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return list(entries)
