"""Rows of a listing on their way into the hour: what is known is left alone, what is found is handed to the store.

A listing may be longer than there is memory for. So its rows are packed portion by portion into numbers, and the store
keeps the records.
"""

from __future__ import annotations

from array import array
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Protocol

import numpy as np

from mailevents_dagster.model.event import Detail, Event, Placed
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.listing import edges
from mailevents_dagster.sources.uzmanposta.rows import Record, Row, row_of_event, with_row

SETTLED: Final = frozenset({Detail.WHOLE, Detail.PURGED})
"""Nothing more is asked for in these states, as long as the row stays the same."""

Version = tuple[bytes, bytes]
Timed = tuple[int, Row]


class Details(Protocol):
    """Details already fetched, by identity and digest of the listing row."""

    def __contains__(self, version: Version) -> bool: ...
    def get(self, identity: bytes, listing: bytes) -> bytes | None: ...
    def record(self, identity: bytes, listing: bytes, raw: bytes) -> None: ...


class Work(Protocol):
    """An hour to collect, as the store opens it."""

    @property
    def feed(self) -> Feed: ...
    @property
    def hour(self) -> Hour: ...
    @property
    def owed(self) -> Set[bytes]:
        """Identities of known mails whose detail is owed."""

    @property
    def learnt(self) -> Mapping[str, float]:
        """What the API showed of itself when the feed was collected before."""

    @property
    def strays_elsewhere(self) -> frozenset[bytes]:
        """Identities of strays that a neighbouring hour holds."""

    @property
    def journal(self) -> Details: ...
    def known_as(self, identities: Set[bytes]) -> Sequence[tuple[int, Event]]:
        """Return the known events with these identities, each with its place."""

    def held_in(self, beside: Hour, identities: Set[bytes]) -> Set[bytes]:
        """Return those of the identities that another hour has."""

    def places(self, versions: Sequence[Version], states: Set[Detail]) -> Sequence[int | None]:
        """Return of each version the place of a known event in one of the states, if there is one."""

    def add(self, events: Sequence[Event], awaited: Sequence[bool]) -> Sequence[int]:
        """Take events that were found and return their places. For those awaited another will be put."""

    def put(self, place: int, event: Event) -> None:
        """Take the event that is awaited at this place; threads may call at once."""


Want = Callable[[Sequence[Timed]], object]
"""Has the details of these mails asked for."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows of a listing as numbers, in its order."""

    times: array[int]
    places: array[int]
    untimed: dict[int, Row]
    """The rows that have no time of their own."""
    reused: int
    """Mails whose detail need not be asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """The rows of the hour. Their details may still be on their way."""

    events: Placed
    """Oldest first; rows that another hour has are not among them."""
    anywhere: Sequence[Timed]
    """Those of the rows that nothing but this hour's holding them keeps from another."""
    reused: int


class Taking:
    """Takes the rows of one hour."""

    def __init__(self, work: Work, *, details: bool, looked_at_again: bool) -> None:
        """While an hour is looked at again, details that the API did not have are asked for again: it may lag."""
        self._work = work
        self._details = details
        settled = SETTLED - {Detail.PURGED} if looked_at_again else SETTLED
        self._as_they_are = settled if details else SETTLED | {Detail.UNASKED}
        self._elsewhere = work.strays_elsewhere
        self._alike: dict[Version, list[Timed]] = {}
        """The rows of a mail by the one whose detail is asked for."""
        self._listed: set[bytes] = set()
        """Identities that are listed, of those that are owed a detail,"""
        self._listed_ids: set[str] = set()
        """and the queue ids of all mails, where any is."""
        self._places: dict[int | Version, int] = {}
        """Of mails with details that the store did not have as they are now, by their versions."""
        self._undecided: set[Version] = set()
        """Mails that may be another hour's: their details are not asked for yet."""

    def keep(self, at: int, row: Row, found: Record | Detail) -> None:
        """Keeps the detail of a mail as soon as it is here, or its row where there is none."""
        for time, one in self._alike.get(row.version, [(at, row)]):
            if isinstance(found, Record):
                whole = with_row(found, one)
                self._work.journal.record(*one.version, whole.raw)
                event = Event(time, one.identity, one.content, Detail.WHOLE, whole.raw, whole.fields)
            else:
                event = Event(time, one.identity, one.content, found, one.raw, one.fields)
            self._work.put(self._places[one.version], event)

    def pack(self, rows: Sequence[Timed], want: Want) -> Pack:
        """The rows as numbers. The store has their records, and those that lack their details are wanted."""
        rows = [pair for pair in rows if pair[1].time is None or pair[1].identity not in self._elsewhere]
        self._note(rows)
        known = self._work.places([row.version for _, row in rows], self._as_they_are)
        keys = [row.version if self._has_detail(row) else place for place, (_, row) in enumerate(rows)]
        mails = {key for key in keys if isinstance(key, tuple) and key not in self._places}
        new: dict[int | Version, Timed] = {}
        for key, pair, place in zip(keys, rows, known, strict=True):
            if place is None and key not in self._places:
                new.setdefault(key, pair)
        events = {key: self._event(at, row) for key, (at, row) in new.items()}
        lacking = {key: new[key] for key, event in events.items() if event.detail is Detail.MISSING}
        added = dict(zip(new, self._work.add([*events.values()], [key in lacking for key in new]), strict=True))
        places = ChainMap(added, self._places)
        pack = Pack(
            array("q", [at for at, _ in rows]),
            array("q", [places[key] if place is None else place for key, place in zip(keys, known, strict=True)]),
            {place: row for place, (_, row) in enumerate(rows) if row.time is None},
            len(mails.difference(lacking)),
        )
        self._places.update((key, place) for key, place in added.items() if key in mails)
        self._undecided.update(row.version for _, row in lacking.values() if row.time is None)
        self._ask([pair for pair in lacking.values() if pair[1].time is not None], want)
        return pack

    def _note(self, rows: Sequence[Timed]) -> None:
        """Note what is listed, as far as `_vanished` asks for it."""
        if self._details and self._work.owed:
            self._listed.update(row.identity for _, row in rows if row.identity in self._work.owed)
            self._listed_ids.update(row.queue_id for _, row in rows if row.queue_id)

    def _has_detail(self, row: Row) -> bool:
        """Whether the row is of a mail whose detail is to be there, once for all rows that are like it."""
        return self._details and row.queue_id is not None

    def _event(self, at: int, row: Row) -> Event:
        """What is here of a row that the store does not have."""
        if row.queue_id is None:
            return Event(at, row.identity, row.content, Detail.WHOLE, row.raw, row.fields)
        detail = self._work.journal.get(*row.version)
        if detail is not None:
            return Event(at, row.identity, row.content, Detail.WHOLE, detail)
        state = Detail.MISSING if self._details else Detail.UNASKED
        return Event(at, row.identity, row.content, state, row.raw, row.fields)

    def _ask(self, mails: Iterable[Timed], want: Want) -> None:
        """Details that could not be had before are wanted first, and one for all rows of a mail."""
        alike: dict[bytes, list[Timed]] = {}
        for at, row in mails:
            alike.setdefault(row.identity, []).append((at, row))
        self._alike.update((rows[0][1].version, rows) for rows in alike.values() if len(rows) > 1)
        want(sorted((rows[0] for rows in alike.values()), key=lambda pair: pair[1].identity not in self._work.owed))

    def _vanished(self, want: Want) -> Pack:
        """Return known mails that are listed no more and owe a detail, and ask for it once more.

        Not where a mail of that id is listed: it may be the same, listed at another time since.
        """
        gone = self._work.owed - self._listed if self._details else frozenset[bytes]()
        times, places, lacking = array("q"), array("q"), list[Timed]()
        for place, event in self._work.known_as(gone) if gone else ():
            row = row_of_event(event)
            if row.queue_id is None or row.queue_id in self._listed_ids:
                continue
            if row.version not in self._places:
                again = self._event(event.time, row)
                lacking += [(event.time, row)] if again.detail is Detail.MISSING else []
                (self._places[row.version],) = self._work.add([again], [again.detail is Detail.MISSING])
            times.append(event.time)
            places.append(self._places[row.version] if event.detail.is_owed else place)
        self._ask(lacking, want)
        return Pack(times, places, {}, 0)

    def arrange(self, packs: Sequence[Pack], strays: Sequence[Timed], want: Want) -> Arranged:
        """The rows of the listing in order, without those that an hour beside holds.

        Rows at the edges may be in any hour, and rows with a time outside of the window.
        """
        elsewhere = self._elsewhere
        listed = sum(len(pack.times) for pack in packs)
        strays = [(at, row) for at, row in strays if row.identity not in elsewhere]
        packs = [*packs, self.pack(strays, want), self._vanished(want)]
        times, places = (
            np.concatenate([np.array(values, np.int64) for values in column])
            for column in zip(*((pack.times, pack.places) for pack in packs), strict=True)
        )
        firsts = [0, *accumulate(len(pack.times) for pack in packs)]
        untimed = {
            first + place: row
            for first, pack in zip(firsts, packs, strict=False)
            for place, row in pack.untimed.items()
        }
        at_edges = edges(listed, untimed)
        ours = [place for place in at_edges if untimed[place].identity not in elsewhere]
        for place in set(at_edges).difference(ours):
            del untimed[place]
        late = {row.version: (int(times[place]), row) for place, row in untimed.items()}
        self._ask([pair for version, pair in late.items() if version in self._undecided], want)
        inside = np.delete(np.arange(listed), at_edges)
        chosen = np.concatenate([inside, np.array([*ours, *range(listed, len(times))], np.int64)])
        order = chosen[np.argsort(times[chosen], kind="stable")]
        return Arranged(
            Placed(places[order], times[order]),
            anywhere=[*((int(times[place]), untimed[place]) for place in ours), *strays],
            reused=sum(pack.reused for pack in packs),
        )
