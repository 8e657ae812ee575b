"""The union of what is committed of an hour and what a collection found. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mailevents_dagster.model.event import Detail, Places
from mailevents_dagster.store.hour.index import CODES, Digests, Index, joined, pairs

LaterStates = Callable[[Places, Places], Places]
"""Takes places of known events and sources of found ones; returns for each found one of those places, by its number, of
which it is a later state, or -1."""


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """The events of an hour from now on, oldest first, and how they differ from those before."""

    index: Index
    sources: Places
    """Where the record of each stands, as the sources of what was known and found say it."""
    added: int
    changed: int
    unseen: int
    """Committed events that the collection did not find again; they stay."""
    oldest_added: int | None = None
    """The time of the oldest event that is new."""


def merge(known: Index, found: Index, sources: Places, later_states: LaterStates) -> Merged:
    """What was known stays, in its order; what changed is replaced in its place; what is new follows in its second.

    Like rows are told apart by counting them, also the next time: two are two events. `sources` says where the record
    of each found event stands; those of known events are their places. What is found as neither version nor identity
    can be a later state of a known event that is not found: it takes its place, and its time is that of the new state.
    """
    at = _known_again(len(known), sources)
    _pair(at, known, found, lambda index: index.versions)
    _pair(at, known, found, lambda index: index.identities)
    moved = _pair_states(at, len(known), sources, later_states)

    merged = Index(known.times.copy(), known.identities.copy(), known.listings.copy(), known.details.copy())
    from_ = np.arange(len(known), dtype=np.int64)
    again = np.flatnonzero(at >= 0)
    changed = _improve(merged, from_, at[again], found[again], sources[again])

    new = np.flatnonzero(at < 0)
    added = found[new]
    index, from_ = joined([merged, added]), np.concatenate([from_, sources[new]])
    if len(new) or moved:
        order = np.argsort(index.times, kind="stable")
        index, from_ = index[order], from_[order]
    oldest = int(added.times.min()) if len(new) else None
    return Merged(index, from_, len(new), changed, len(known) - len(again), oldest)


def _known_again(known: int, sources: Places) -> Places:
    """The places of known events that were found again as they are, each by one row; -1 for the other rows."""
    again = sources >= 0
    rows = np.bincount(sources[again], minlength=known)
    again[again] = rows[sources[again]] == 1
    return np.where(again, sources, -1)


def _pair(at: Places, known: Index, found: Index, keys: Callable[[Index], Digests]) -> None:
    """Gives found events that have no place yet those of known ones with the same keys that nobody has yet."""
    left, others = np.ones(len(known), bool), np.flatnonzero(at < 0)
    left[at[at >= 0]] = False
    places = np.flatnonzero(left)
    paired = pairs(keys(known[places]), keys(found[others]))
    at[others[paired >= 0]] = places[paired[paired >= 0]]


def _pair_states(at: Places, known: int, sources: Places, later_states: LaterStates) -> bool:
    """Gives found events that are still new the places of known ones that they are later states of; whether any is."""
    left, others = np.setdiff1d(np.arange(known), at), np.flatnonzero(at < 0)
    if not len(left) or not len(others):
        return False
    states = later_states(left, sources[others])
    at[others[states >= 0]] = left[states[states >= 0]]
    return bool((states >= 0).any())


def _improve(merged: Index, from_: Places, at: Places, found: Index, sources: Places) -> int:
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
    moved = (taken | purged) & (merged.identities[at] != found.identities).any(axis=1)
    merged.times[at[moved]], merged.identities[at[moved]] = found.times[moved], found.identities[moved]
    return int((taken | stale | purged).sum())
