"""The union of what is committed of an hour and what a collection found. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from mailevents_dagster.model.columns import Marks
from mailevents_dagster.model.event import Detail, Places
from mailevents_dagster.store.hour.index import CODES, Digests, Index, joined, pairs

MarksAt = Callable[[Places], Sequence[Marks | None]]
"""Returns by what the records at these places are known while their state and time change."""


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """The events of an hour from now on, oldest first, and how they differ from those before."""

    index: Index
    places: Places
    """Where the record of each stands."""
    added: int
    changed: int
    unseen: int
    """Committed events that the collection did not find again; they stay."""
    oldest_added: int | None = None
    """The time of the oldest event that is new."""


def merge(known: Index, found: Index, places: Places, marks_at: MarksAt) -> Merged:
    """Keep what was known, in its order; replace what changed in its place; put what is new behind it in its second.

    Like rows are told apart by counting them, also the next time: two are two events. `places` says where the records
    of the found events stand; the first places are those of the known events. What is found as neither version nor
    identity can be a later state of a known event that is not found: it takes its place, and its time is that of the
    new state.
    """
    again = _known_again(len(known), places)
    _pair(again, known, found, lambda index: index.versions)
    _pair(again, known, found, lambda index: index.identities)
    moved = _pair_states(again, len(known), places, marks_at)

    merged = Index(*(column.copy() for column in known.columns))
    from_ = np.arange(len(known), dtype=np.int64)
    old, new = np.flatnonzero(again >= 0), np.flatnonzero(again < 0)
    changed = _improve(merged, from_, again[old], found[old], places[old])

    added = found[new]
    index, from_ = joined([merged, added]), np.concatenate([from_, places[new]])
    if len(new) or moved:
        order = np.argsort(index.times, kind="stable")
        index, from_ = index[order], from_[order]
    oldest = int(added.times.min()) if len(new) else None
    return Merged(index, from_, len(new), changed, len(known) - len(old), oldest)


def _known_again(known: int, places: Places) -> Places:
    """Return the places of known events that were found again as they are, each by one row; -1 for the other rows."""
    again = places < known
    rows = np.bincount(places[again], minlength=known)
    again[again] = rows[places[again]] == 1
    return np.where(again, places, -1)


def _pair(again: Places, known: Index, found: Index, keys: Callable[[Index], Digests]) -> None:
    """Give found events that are new so far the known ones with the same keys that are left."""
    left, new = np.ones(len(known), bool), np.flatnonzero(again < 0)
    left[again[again >= 0]] = False
    places = np.flatnonzero(left)
    paired = pairs(keys(known[places]), keys(found[new]))
    again[new[paired >= 0]] = places[paired[paired >= 0]]


def _pair_states(again: Places, known: int, places: Places, marks_at: MarksAt) -> bool:
    """Give found events that are new so far the known ones that they are later states of; return whether any is."""
    left, new = np.setdiff1d(np.arange(known), again), np.flatnonzero(again < 0)
    if not len(left) or not len(new):
        return False
    paired = np.array(later_states(marks_at(left), marks_at(places[new])), np.int64)
    again[new[paired >= 0]] = left[paired[paired >= 0]]
    return bool((paired >= 0).any())


def later_states(known: Sequence[Marks | None], found: Sequence[Marks | None]) -> list[int]:
    """Return for each found record which of the known ones it is a later state of, each given once; -1 for none."""
    left: defaultdict[str, dict[int, Marks]] = defaultdict(dict)
    for number, marks in enumerate(known):
        if marks:
            left[marks.id][number] = marks
    return [_take(left[marks.id], marks) if marks else -1 for marks in found]


def _take(left: dict[int, Marks], marks: Marks) -> int:
    number = next((number for number, one in left.items() if one.agree_with(marks)), -1)
    left.pop(number, None)
    return number


def _improve(merged: Index, from_: Places, at: Places, found: Index, places: Places) -> int:
    """Bring found events to known ones, but never a bare listing row in the place of a detail; count the changes."""
    had, rows = merged.details[at], merged.listings[at]
    same_row = (rows == found.listings).all(axis=1)
    whole = found.among(Detail.WHOLE)
    had_whole, had_stale = had == CODES[Detail.WHOLE], had == CODES[Detail.STALE]
    settled = same_row & (had_whole | ((had == CODES[Detail.PURGED]) & ~whole))
    taken = ~settled & (whole | ~(had_whole | had_stale)) & ~(same_row & (had == found.details))
    kept = ~settled & ~whole & (had_whole | had_stale)
    stale = kept & found.among(Detail.MISSING) & ~had_stale
    purged = kept & found.among(Detail.PURGED)

    from_[at[taken]] = places[taken]
    merged.details[at[taken]] = found.details[taken]
    merged.details[at[stale]] = CODES[Detail.STALE]
    merged.details[at[purged]] = CODES[Detail.WHOLE]
    merged.listings[at[taken | purged]] = found.listings[taken | purged]
    moved = (taken | purged) & (merged.identities[at] != found.identities).any(axis=1)
    merged.times[at[moved]], merged.identities[at[moved]] = found.times[moved], found.identities[moved]
    return int((taken | stale | purged).sum())
