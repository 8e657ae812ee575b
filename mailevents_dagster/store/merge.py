"""The union of what is committed of an hour and what a collection found. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain

from mailevents_dagster.events import Detail, Event


@dataclass(frozen=True, slots=True)
class Merged:
    """The events of an hour from now on, oldest first, and how they differ from those before."""

    events: Sequence[Event]
    added: int
    changed: int
    unseen: int
    """Committed events that the collection did not find again; they stay."""


def merge(known: Sequence[Event], found: Sequence[Event]) -> Merged:
    """What was known stays, in its order; what changed is replaced in its place; what is new follows in its second."""
    places = {key: place for place, key in enumerate(_keys(known))}
    merged = list(known)
    new: list[Event] = []
    changed = seen = 0
    for key, event in zip(_keys(found), found, strict=True):
        place = places.get(key)
        if place is None:
            new.append(event)
            continue
        seen += 1
        better = _better(merged[place], event)
        changed += better != merged[place]
        merged[place] = better
    events = sorted(chain(merged, new), key=lambda event: event.time) if new else merged
    return Merged(events, added=len(new), changed=changed, unseen=len(known) - seen)


def _keys(events: Sequence[Event]) -> list[tuple[bytes, int]]:
    """Equal identities are told apart by counting: two like rows are two events, also the next time."""
    seen: Counter[bytes] = Counter()
    keys = []
    for event in events:
        keys.append((event.identity, seen[event.identity]))
        seen[event.identity] += 1
    return keys


def _better(known: Event, found: Event) -> Event:
    """The found event, but never a bare listing row in the place of a detail."""
    if known.detail is Detail.WHOLE and found.listing == known.listing:
        return known
    if found.detail is Detail.WHOLE or known.detail not in (Detail.WHOLE, Detail.STALE):
        return replace(found, time=known.time)
    if found.detail is Detail.MISSING:
        return replace(known, detail=Detail.STALE)
    if found.detail is Detail.PURGED:
        return replace(known, detail=Detail.WHOLE, listing=found.listing)
    return known
