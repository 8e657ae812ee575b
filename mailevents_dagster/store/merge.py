"""The union of what is committed of an hour and what a collection found. Pure."""

from __future__ import annotations

from collections import defaultdict, deque
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
    oldest_added: int | None = None
    """The time of the oldest event that is new."""


def merge(known: Sequence[Event], found: Sequence[Event]) -> Merged:
    """What was known stays, in its order; what changed is replaced in its place; what is new follows in its second.

    Like rows are told apart by counting them, also the next time: two are two events.
    """
    unchanged, by_identity = _Places(), _Places()
    for place, event in enumerate(known):
        unchanged.add((event.identity, event.listing), place)
    pairs = [(unchanged.take((event.identity, event.listing)), event) for event in found]
    for place in unchanged.left():
        by_identity.add(known[place].identity, place)
    merged, new, changed = list(known), [], 0
    for same, event in pairs:
        at = by_identity.take(event.identity) if same is None else same
        if at is None:
            new.append(event)
            continue
        better = _better(merged[at], event)
        changed += better != merged[at]
        merged[at] = better
    events = sorted(chain(merged, new), key=lambda event: event.time) if new else merged
    unseen, oldest = len(known) - (len(found) - len(new)), min((event.time for event in new), default=None)
    return Merged(events, added=len(new), changed=changed, unseen=unseen, oldest_added=oldest)


class _Places:
    """Places of known events by what they are known by, each given out once, the first first."""

    def __init__(self) -> None:
        self._places: defaultdict[object, deque[int]] = defaultdict(deque)

    def add(self, known_by: object, place: int) -> None:
        self._places[known_by].append(place)

    def take(self, known_by: object) -> int | None:
        places = self._places.get(known_by)
        return places.popleft() if places else None

    def left(self) -> list[int]:
        return sorted(chain.from_iterable(self._places.values()))


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
