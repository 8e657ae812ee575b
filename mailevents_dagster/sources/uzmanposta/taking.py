"""Rows of a listing on their way into the hour: what is known is left alone, what is found is handed to the store.

A listing may be longer than there is memory for. So its rows are packed portion by portion into numbers, and the store
keeps the records.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Protocol, TypeVar

import numpy as np

from mailevents_dagster.events import Detail, Event, Kept, Places
from mailevents_dagster.feeds import Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.sources.uzmanposta.listing import edges
from mailevents_dagster.sources.uzmanposta.rows import Record, Row

SETTLED: Final = frozenset({Detail.WHOLE, Detail.PURGED})
"""Nothing more is asked for in these states, as long as the row stays the same."""

T = TypeVar("T")
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
    def strays_elsewhere(self) -> frozenset[bytes]:
        """Identities of strays that a neighbouring hour holds."""

    @property
    def journal(self) -> Details: ...
    def sources(self, versions: Sequence[Version], states: Set[Detail]) -> Sequence[int]:
        """Of each version the source of a known event in one of the states; -1 where there is none."""

    def gather(self, event: Event) -> int:
        """Takes an event that was found and returns its source; threads may call at once."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows of a listing as numbers, in its order."""

    times: array[int]
    sources: array[int]
    awaited: dict[int, Version]
    """The rows whose source is not known before their detail is here."""
    untimed: dict[int, Row]
    """The rows that have no time of their own."""
    reused: int
    """Mails whose detail need not be asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """All rows of the hour, before their details are here."""

    times: Places
    sources: Places
    awaited: dict[int, Version]
    order: Places
    """The places of the rows, oldest first; some are another hour's and stand nowhere in it."""
    anywhere: Sequence[Timed]
    """Those of the rows that nothing but this hour's holding them keeps from another."""
    late: Sequence[Timed]
    """Those of the rows of which it shows only now that they are in the hour."""
    reused: int


class Taking:
    """Takes the rows of one hour."""

    def __init__(self, work: Work, *, details: bool) -> None:
        self._work = work
        self._details = details
        self._as_they_are = SETTLED if details else SETTLED | {Detail.UNASKED}
        self._wanted: set[Version] = set()
        self._here: dict[Version, int] = {}
        """The sources of mails whose detail, or the row in its place, came from the API or the journal."""

    def lacking(self, rows: Iterable[Timed]) -> list[Timed]:
        """The mails whose detail is to be asked for now, each once; those that could not be had before come first."""
        if not self._details:
            return []
        mails = {row.version: (at, row) for at, row in rows if row.queue_id is not None}
        known = self._work.sources(list(mails), SETTLED)
        lacking = [
            mails[version]
            for version, source in zip(mails, known, strict=True)
            if source < 0 and version not in self._wanted and version not in self._work.journal
        ]
        self._wanted.update(row.version for _, row in lacking)
        return sorted(lacking, key=lambda pair: pair[1].identity not in self._work.owed)

    def keep(self, at: int, row: Row, found: Record | Detail) -> None:
        """Keeps the detail of a mail as soon as it is here, or its row where there is none."""
        if isinstance(found, Record):
            self._work.journal.record(*row.version, found.raw)
            event = Event(at, row.identity, row.content, Detail.WHOLE, found.raw, found.fields)
        else:
            event = Event(at, row.identity, row.content, found, row.raw, row.fields)
        self._here[row.version] = self._work.gather(event)

    def pack(self, rows: Sequence[Timed]) -> Pack:
        """The rows as numbers; the store has the records of those that wait for nothing."""
        sources, awaited, reused = array("q"), {}, set()
        known = self._work.sources([row.version for _, row in rows], self._as_they_are)
        for place, ((at, row), source) in enumerate(zip(rows, known, strict=True)):
            found = self._source(at, row) if source < 0 else source
            if found is None:
                awaited[place] = row.version
            elif self._details and row.queue_id is not None and row.version not in self._wanted:
                reused.add(row.version)
            sources.append(0 if found is None else found)
        untimed = {place: row for place, (_, row) in enumerate(rows) if row.time is None}
        return Pack(array("q", [at for at, _ in rows]), sources, awaited, untimed, len(reused))

    def _source(self, at: int, row: Row) -> int | None:
        """Where the record of the row is from now on; None where it is still to come."""
        if row.queue_id is None:
            return self._work.gather(Event(at, row.identity, row.content, Detail.WHOLE, row.raw, row.fields))
        if row.version in self._here:
            return self._here[row.version]
        if row.version in self._wanted:
            return None
        detail = self._work.journal.get(*row.version)
        if detail is not None:
            event = Event(at, row.identity, row.content, Detail.WHOLE, detail)
            self._here[row.version] = self._work.gather(event)
            return self._here[row.version]
        if self._details:
            return None
        return self._work.gather(Event(at, row.identity, row.content, Detail.UNASKED, row.raw, row.fields))

    def arrange(self, packs: Sequence[Pack], strays: Sequence[Timed]) -> Arranged:
        """The rows of the listing in order, without those that an hour beside holds.

        Rows at the edges may be in any hour, and rows with a time outside of the window.
        """
        elsewhere = self._work.strays_elsewhere
        listed = sum(len(pack.times) for pack in packs)
        strays = [(at, row) for at, row in strays if row.identity not in elsewhere]
        packs = [*packs, self.pack(strays)]
        times, sources = (
            np.concatenate([np.array(values, np.int64) for values in column])
            for column in zip(*((pack.times, pack.sources) for pack in packs), strict=True)
        )
        firsts = [0, *accumulate(len(pack.times) for pack in packs)]
        awaited = _numbered(firsts, [pack.awaited for pack in packs])
        untimed = _numbered(firsts, [pack.untimed for pack in packs])
        at_edges = edges(listed, untimed)
        ours = [place for place in at_edges if untimed[place].identity not in elsewhere]
        for place in set(at_edges).difference(ours):
            awaited.pop(place, None)
            del untimed[place]
        inside = np.delete(np.arange(listed), at_edges)
        chosen = np.concatenate([inside, np.array([*ours, *range(listed, len(times))], np.int64)])
        return Arranged(
            times,
            sources,
            awaited,
            order=chosen[np.argsort(times[chosen], kind="stable")],
            anywhere=[*((int(times[place]), untimed[place]) for place in ours), *strays],
            late=[*((int(times[place]), row) for place, row in untimed.items()), *strays],
            reused=sum(pack.reused for pack in packs),
        )

    def events(self, rows: Arranged) -> Kept:
        """The events of the hour, once every detail is here."""
        sources = rows.sources.copy()
        for place, version in rows.awaited.items():
            sources[place] = self._here[version]
        return Kept(sources[rows.order], rows.times[rows.order])


def _numbered(firsts: Sequence[int], parts: Sequence[Mapping[int, T]]) -> dict[int, T]:
    """What is said of places in each pack, by the places in all of them."""
    return {first + place: one for first, part in zip(firsts, parts, strict=False) for place, one in part.items()}
