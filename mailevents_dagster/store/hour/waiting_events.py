"""Found events that wait for those they were added with: they stay together until all are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.model.event import Event

EVENTS_OF_A_PART: Final = 1024
"""At the most; a part with fewer than half as many takes in those that follow."""


@dataclass(slots=True)
class _Part:
    """Events by their places, and the places of those that another is to come for."""

    events: dict[int, Event] = field(default_factory=dict)
    awaited: set[int] = field(default_factory=set)


class WaitingEvents:
    """Gives events their places, and hands them out in parts. For one thread at a time."""

    def __init__(self, memory: int) -> None:
        """Records that wait for others of their part hold no more bytes than this."""
        self.count = 0
        self._memory = memory
        self._bytes = 0
        self._filling = _Part()
        self._full: list[_Part] = []
        self._part_of: dict[int, _Part] = {}
        """By the places that something is awaited for."""

    def add(self, events: Sequence[Event], awaited: Sequence[bool] = ()) -> range:
        """Take events and return their places. For those awaited another will be put."""
        first = self.reserve(len(events))
        places = range(first, self.count)
        if len(self._filling.events) + len(events) > EVENTS_OF_A_PART:
            self._begin_another()
        for place, event, is_awaited in zip(places, events, awaited or [False] * len(events), strict=True):
            self._filling.events[place] = event
            if is_awaited:
                self._filling.awaited.add(place)
                self._part_of[place] = self._filling
            else:
                self._bytes += len(event.raw)
            if len(self._filling.events) == EVENTS_OF_A_PART:
                self._begin_another()
        if len(self._filling.events) >= EVENTS_OF_A_PART // 2:
            self._begin_another()
        return places

    def reserve(self, count: int) -> int:
        """Give so many places away and return the first of them."""
        self.count += count
        return self.count - count

    def put(self, place: int, event: Event) -> None:
        """Take the event that is awaited at this place."""
        part = self._part_of.pop(place)
        part.awaited.remove(place)
        part.events[place] = event
        self._bytes += len(event.raw)

    def ready(self) -> list[dict[int, Event]]:
        """Hand out the parts that are whole; where too much waits, also what is here of those that are not."""
        if self._bytes > self._memory:
            leaving = [*self._full, self._filling]
        else:
            leaving = [part for part in self._full if not part.awaited]
        if leaving:
            self._full = [part for part in self._full if part.awaited]
        return [events for part in leaving if (events := self._taken_from(part))]

    def rest(self) -> list[dict[int, Event]]:
        """Hand out everything: what has not come by now does not come any more."""
        for place, part in self._part_of.items():
            part.awaited.remove(place)
            self._bytes += len(part.events[place].raw)
        self._part_of.clear()
        self._begin_another()
        return self.ready()

    def _begin_another(self) -> None:
        if self._filling.events:
            self._full.append(self._filling)
            self._filling = _Part()

    def _taken_from(self, part: _Part) -> dict[int, Event]:
        here = {place: event for place, event in part.events.items() if place not in part.awaited}
        part.events = {place: event for place, event in part.events.items() if place in part.awaited}
        self._bytes -= sum(len(event.raw) for event in here.values())
        return here
