"""The rows of a listing on their way into the hour: what is known stays as it is, what is new goes to the store.

A listing may be longer than there is memory for. So each portion of its rows becomes numbers, and the store keeps the
records.
"""

from __future__ import annotations

from array import array
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

import numpy as np

from mailevents_dagster.model.event import Detail, Event, Placed
from mailevents_dagster.sources.uzmanposta.neighbours import Timed, edges
from mailevents_dagster.sources.uzmanposta.rows import Record, Row, row_of_event, with_row
from mailevents_dagster.store.hour.open_hour import OpenHour

SETTLED: Final = frozenset({Detail.WHOLE, Detail.PURGED})
"""While its row stays the same, nothing more is asked for of an event in one of these states."""

Version = tuple[bytes, bytes]
Want = Callable[[Sequence[Timed]], object]
"""Has the details of these mails fetched."""


@dataclass(frozen=True, slots=True)
class Pack:
    """Rows of a listing as numbers, in its order."""

    times: array[int]
    places: array[int]
    """Where the store has their records."""
    untimed: dict[int, Row]
    """The rows that have no time of their own."""
    reused: int
    """Mails whose detail need not be asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class Arranged:
    """The rows of the hour. Their details may still be on their way."""

    events: Placed
    """Oldest first; rows that another hour has are not among them."""
    strays: Sequence[Timed]
    """The rows that another hour might list, too: they stay here as long as this hour has them."""
    reused: int


class Intake:
    """The intake of one hour."""

    def __init__(self, work: OpenHour, *, details: bool, looked_at_again: bool) -> None:
        """While an hour is looked at again, details that the API did not have are asked for again: it may lag."""
        self._work = work
        self._details = details
        settled = SETTLED - {Detail.PURGED} if looked_at_again else SETTLED
        self._settled = settled if details else SETTLED | {Detail.UNASKED}
        self._elsewhere = work.strays_elsewhere
        self._alike: dict[Version, list[Timed]] = {}
        """All rows of a mail by the one whose detail is asked for."""
        self._listed_owed: set[bytes] = set()
        """Identities of the listed mails that are owed a detail,"""
        self._listed_ids: set[str] = set()
        """and the queue ids of all listed mails, if any is owed one."""
        self._places: dict[int | Version, int] = {}
        """Of mails with details that the store did not have as they are now, by their versions."""
        self._undecided: set[Version] = set()
        """Mails that may belong to another hour, so that their details are not asked for yet."""

    def keep(self, at: int, row: Row, found: Record | Detail) -> None:
        """Keep the detail of a mail as soon as it arrives, or say why there is none."""
        for time, one in self._alike.get(row.version, [(at, row)]):
            if isinstance(found, Record):
                whole = with_row(found, one)
                self._work.journal.record(*one.version, whole.raw)
                event = _event(time, one, Detail.WHOLE, whole)
            else:
                event = _event(time, one, found, one)
            self._work.put(self._places[one.version], event)

    def pack(self, rows: Sequence[Timed], want: Want) -> Pack:
        """Give the store what it lacks, ask for the details that are missing, and return the rows as numbers."""
        rows = [(at, row) for at, row in rows if row.time is None or row.identity not in self._elsewhere]
        self._note_listed(rows)
        known = self._work.places([row.version for _, row in rows], self._settled)
        # Rows that a mail's detail completes share one place if they are alike; any other row has its own.
        keys = [
            row.version if self._details and row.queue_id is not None else number
            for number, (_, row) in enumerate(rows)
        ]
        new: dict[int | Version, Timed] = {}
        for key, pair, place in zip(keys, rows, known, strict=True):
            if place is None and key not in self._places:
                new.setdefault(key, pair)
        events = [self._new_event(at, row) for at, row in new.values()]
        awaited = [event.detail is Detail.MISSING for event in events]
        added = dict(zip(new, self._work.add(events, awaited), strict=True))
        places = ChainMap(added, self._places)
        mails = {key for key in keys if isinstance(key, tuple) and key not in self._places}
        pack = Pack(
            array("q", [at for at, _ in rows]),
            array("q", [places[key] if place is None else place for key, place in zip(keys, known, strict=True)]),
            {number: row for number, (_, row) in enumerate(rows) if row.time is None},
            len(mails) - sum(awaited),
        )
        self._places.update((key, place) for key, place in added.items() if key in mails)
        missing = [pair for pair, is_awaited in zip(new.values(), awaited, strict=True) if is_awaited]
        self._undecided.update(row.version for _, row in missing if row.time is None)
        self._ask([(at, row) for at, row in missing if row.time is not None], want)
        return pack

    def _note_listed(self, rows: Sequence[Timed]) -> None:
        """Note what is listed, as far as `_vanished` needs it."""
        if self._details and self._work.owed:
            self._listed_owed.update(row.identity for _, row in rows if row.identity in self._work.owed)
            self._listed_ids.update(row.queue_id for _, row in rows if row.queue_id)

    def _new_event(self, at: int, row: Row) -> Event:
        """Return the event of a row that the store does not have."""
        if row.queue_id is None:
            return _event(at, row, Detail.WHOLE, row)
        detail = self._work.journal.get(*row.version)
        if detail is not None:
            return Event(at, row.identity, row.content, Detail.WHOLE, detail)
        return _event(at, row, Detail.MISSING if self._details else Detail.UNASKED, row)

    def _ask(self, mails: Iterable[Timed], want: Want) -> None:
        """Ask for one detail for all rows of a mail; those that could not be had before come first."""
        alike: dict[bytes, list[Timed]] = {}
        for at, row in mails:
            alike.setdefault(row.identity, []).append((at, row))
        self._alike.update((rows[0][1].version, rows) for rows in alike.values() if len(rows) > 1)
        want(sorted((rows[0] for rows in alike.values()), key=lambda pair: pair[1].identity not in self._work.owed))

    def _vanished(self, want: Want) -> Pack:
        """Return known mails that owe a detail and are no longer listed, and ask for it once more.

        If a mail with that id is listed, it may be the same one at another time: then it is left out.
        """
        gone = self._work.owed - self._listed_owed if self._details else frozenset[bytes]()
        times, places, missing = array("q"), array("q"), list[Timed]()
        for place, event in self._work.known_as(gone) if gone else ():
            row = row_of_event(event)
            if row.queue_id is None or row.queue_id in self._listed_ids:
                continue
            if row.version not in self._places:
                again = self._new_event(event.time, row)
                missing += [(event.time, row)] if again.detail is Detail.MISSING else []
                (self._places[row.version],) = self._work.add([again], [again.detail is Detail.MISSING])
            times.append(event.time)
            places.append(self._places[row.version] if event.detail.is_owed else place)
        self._ask(missing, want)
        return Pack(times, places, {}, 0)

    def arrange(self, packs: Sequence[Pack], strays: Sequence[Timed], want: Want) -> Arranged:
        """Return the rows of the listing in order, without those that an hour beside holds.

        Rows without a time at the edges may belong to any hour, and so may rows with a time outside of the window.
        """
        listed = sum(len(pack.times) for pack in packs)
        strays = [(at, row) for at, row in strays if row.identity not in self._elsewhere]
        packs = [*packs, self.pack(strays, want), self._vanished(want)]
        times = np.concatenate([np.array(pack.times, np.int64) for pack in packs])
        places = np.concatenate([np.array(pack.places, np.int64) for pack in packs])
        firsts = accumulate((len(pack.times) for pack in packs[:-1]), initial=0)
        untimed = {
            first + number: row
            for first, pack in zip(firsts, packs, strict=True)
            for number, row in pack.untimed.items()
        }
        at_edges = edges(listed, untimed)
        ours = [number for number in at_edges if untimed[number].identity not in self._elsewhere]
        for number in set(at_edges).difference(ours):
            del untimed[number]
        late = {row.version: (int(times[number]), row) for number, row in untimed.items()}
        self._ask([pair for version, pair in late.items() if version in self._undecided], want)
        inside = np.delete(np.arange(listed), at_edges)
        chosen = np.concatenate([inside, np.array([*ours, *range(listed, len(times))], np.int64)])
        order = chosen[np.argsort(times[chosen], kind="stable")]
        return Arranged(
            Placed(places[order], times[order]),
            strays=[*((int(times[number]), untimed[number]) for number in ours), *strays],
            reused=sum(pack.reused for pack in packs),
        )


def _event(at: int, row: Row, detail: Detail, record: Row | Record) -> Event:
    return Event(at, row.identity, row.content, detail, record.raw, record.fields)
