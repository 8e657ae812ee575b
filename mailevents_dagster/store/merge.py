"""The union of what is committed of an hour and what a collection found. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mailevents_dagster.events import Detail
from mailevents_dagster.store.index import CODES, Digests, Index, joined, pairs


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """The events of an hour from now on, oldest first, and how they differ from those before."""

    index: Index
    sources: NDArray[np.int64]
    """Where the record of each stands, as the sources of what was known and found say it."""
    added: int
    changed: int
    unseen: int
    """Committed events that the collection did not find again; they stay."""
    oldest_added: int | None = None
    """The time of the oldest event that is new."""


def merge(known: Index, found: Index, sources: NDArray[np.int64]) -> Merged:
    """What was known stays, in its order; what changed is replaced in its place; what is new follows in its second.

    Like rows are told apart by counting them, also the next time: two are two events. `sources` says where the record
    of each found event stands; those of known events are their places.
    """
    at = _known_again(len(known), sources)
    _pair(at, known, found, lambda index: index.versions)
    _pair(at, known, found, lambda index: index.identities)

    merged = Index(known.times, known.identities, known.listings.copy(), known.details.copy())
    from_ = np.arange(len(known), dtype=np.int64)
    again = np.flatnonzero(at >= 0)
    changed = _improve(merged, from_, at[again], found[again], sources[again])

    new = np.flatnonzero(at < 0)
    added = found[new]
    index, from_ = joined([merged, added]), np.concatenate([from_, sources[new]])
    if len(new):
        order = np.argsort(index.times, kind="stable")
        index, from_ = index[order], from_[order]
    oldest = int(added.times.min()) if len(new) else None
    return Merged(index, from_, len(new), changed, len(known) - len(again), oldest)


def _known_again(known: int, sources: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of known events that were found again as they are, each by one row; -1 for the other rows."""
    again = sources >= 0
    rows = np.bincount(sources[again], minlength=known)
    again[again] = rows[sources[again]] == 1
    return np.where(again, sources, -1)


def _pair(at: NDArray[np.int64], known: Index, found: Index, keys: Callable[[Index], Digests]) -> None:
    """Gives found events that have no place yet those of known ones with the same keys that nobody has yet."""
    left, others = np.ones(len(known), bool), np.flatnonzero(at < 0)
    left[at[at >= 0]] = False
    places = np.flatnonzero(left)
    paired = pairs(keys(known[places]), keys(found[others]))
    at[others[paired >= 0]] = places[paired[paired >= 0]]


def _improve(
    merged: Index, from_: NDArray[np.int64], at: NDArray[np.int64], found: Index, sources: NDArray[np.int64]
) -> int:
    """Brings found events into the places of known ones, but never a bare listing row in the place of a detail.

    Returns how many were changed by it.
    """
    had, rows = merged.details[at], merged.listings[at]
    same_row = (rows == found.listings).all(axis=1)
    whole = found.among(Detail.WHOLE)
    had_whole, had_stale = had == CODES[Detail.WHOLE], had == CODES[Detail.STALE]
    settled = same_row & (had_whole | ((had == CODES[Detail.PURGED]) & ~whole))
    taken = ~settled & (whole | ~(had_whole | had_stale)) & ~(same_row & (had == found.details))
    kept = ~settled & ~whole & (had_whole | had_stale)
    stale = kept & found.among(Detail.MISSING) & ~had_stale
    purged = kept & found.among(Detail.PURGED)

    from_[at[taken]] = sources[taken]
    merged.details[at[taken]] = found.details[taken]
    merged.details[at[stale]] = CODES[Detail.STALE]
    merged.details[at[purged]] = CODES[Detail.WHOLE]
    merged.listings[at[taken | purged]] = found.listings[taken | purged]
    return int((taken | stale | purged).sum())
