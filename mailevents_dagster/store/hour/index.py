"""Index: what merging asks of each event of an hour, in 41 bytes an event, whatever its record holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from mailevents_dagster.model.event import Detail, Event, Places

STATES: Final = tuple(Detail)
CODES: Final = {detail: code for code, detail in enumerate(STATES)}
"""How an index writes what is known of an event beyond its row."""
OWED: Final = tuple(detail for detail in Detail if detail.is_owed)

Digests = NDArray[np.uint64]
"""Digests of 16 bytes as two numbers each, which arrays compare and sort."""


@dataclass(frozen=True, slots=True, eq=False)
class Index:
    """Times, digests and states of events, each an array in the events' order."""

    times: NDArray[np.int64]
    identities: Digests
    listings: Digests
    details: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, places: NDArray[np.int64] | slice) -> Index:
        return Index(*(column[places] for column in self.columns))

    @property
    def columns(self) -> tuple[NDArray[Any], ...]:
        return self.times, self.identities, self.listings, self.details

    @property
    def versions(self) -> Digests:
        """The records as they are: a detail fetched for one version does not speak for the next."""
        return np.concatenate([self.identities, self.listings], axis=1)

    def identities_of(self, *details: Detail) -> set[bytes]:
        """Return the identities of the events that are in one of these states."""
        return {row.tobytes() for row in self.identities[self.among(*details)]}

    def count(self, *details: Detail) -> int:
        """Count the events that are in one of these states."""
        return int(self.among(*details).sum())

    def events(self, raws: Iterable[bytes]) -> Iterator[Event]:
        """Yield the events, with these records."""
        columns = zip(self.times, self.identities, self.listings, self.details, raws, strict=True)
        for time, identity, listing, code, raw in columns:
            yield Event(int(time), identity.tobytes(), listing.tobytes(), STATES[code], raw)

    def among(self, *details: Detail) -> NDArray[np.bool_]:
        """Say of each event whether it is in one of these states."""
        return np.isin(self.details, [CODES[detail] for detail in details])


def index_of(events: Iterable[Event]) -> Index:
    events = list(events)
    return Index(
        np.fromiter((event.time for event in events), np.int64, len(events)),
        digests(b"".join([event.identity for event in events])),
        digests(b"".join([event.listing for event in events])),
        np.fromiter((CODES[event.detail] for event in events), np.uint8, len(events)),
    )


def joined(parts: Sequence[Index]) -> Index:
    """Return the events of these one after the other."""
    columns = zip(*(part.columns for part in parts or [index_of([])]), strict=True)
    return Index(*map(np.concatenate, columns))


def arranged(parts: Sequence[tuple[Places, Index]]) -> Index:
    """Return the events of these, each at its place."""
    count = sum(len(part) for _, part in parts)
    index = Index(*(np.empty((count, *column.shape[1:]), column.dtype) for column in index_of([]).columns))
    for places, part in parts:
        for column, values in zip(index.columns, part.columns, strict=True):
            column[places] = values
    return index


def digests(data: bytes) -> Digests:
    """Return the digests that stand in the data one behind the other."""
    return np.frombuffer(data, np.uint64).reshape(-1, 2)


def pairs(known: Digests, found: Digests) -> NDArray[np.int64]:
    """Return for each found key the place of the known one that it is; -1 where none is left.

    Each known key is given once. Equal keys are paired in their order, the first with the first.
    """
    result = np.full(len(found), -1, np.int64)
    if not len(known) or not len(found):
        return result
    keys = np.concatenate([known, found])
    order = np.lexsort(keys.T)  # which is stable: of equal keys the known ones come first, each side in its order
    arranged = keys[order]
    first = np.flatnonzero(np.concatenate([[True], (arranged[1:] != arranged[:-1]).any(axis=1)]))
    group = np.repeat(np.arange(len(first)), np.diff(np.append(first, len(order))))
    is_known = order < len(known)
    known_ones = np.add.reduceat(is_known, first, dtype=np.int64)
    occurrence = np.arange(len(order)) - first[group] - known_ones[group]
    paired = ~is_known & (occurrence < known_ones[group])
    result[order[paired] - len(known)] = order[first[group[paired]] + occurrence[paired]]
    return result


class Versions:
    """Where each version of a record stands in an index."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._places = np.argsort(index.listings[:, 1], kind="stable")
        self._keys = index.listings[self._places, 1]

    def places(self, versions: Digests) -> NDArray[np.int64]:
        """Return the first place of each version, -1 where it is not found.

        One in 10^13 of those that are there is not found, where 64 bits of two digests are alike: such a
        record is taken for new, which costs a call and no truth.
        """
        if not len(self._places) or not len(versions):
            return np.full(len(versions), -1, np.int64)
        at = np.minimum(np.searchsorted(self._keys, versions[:, 3]), len(self._keys) - 1)
        places = self._places[at]
        same = (self._index[places].versions == versions).all(axis=1)
        return np.where(same, places, -1)
