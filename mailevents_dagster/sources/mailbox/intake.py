"""The mails of a listing on their way into the hour: what is known stays as it is, what is new is fetched."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Final

import numpy as np

from mailevents_dagster.files.json_text import canonical, parse
from mailevents_dagster.model.event import Detail, Event, SourceError
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.fetching import Failures
from mailevents_dagster.sources.mailbox.errors import BrokenOffError
from mailevents_dagster.sources.mailbox.reader import Fetched, Listed, NotHadError, Reader
from mailevents_dagster.sources.mailbox.rows import message_event, row_of
from mailevents_dagster.sources.messages.message import Address, Message
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster.store.blobs import Blobs
from mailevents_dagster.store.hour.open_hour import OpenHour

SETTLED: Final = frozenset({Detail.WHOLE})
"""While its listing stays the same, nothing more is asked for of a mail in one of these states.

One that was not there any more and is listed again is there again, or the listing lags.
"""
TRIES: Final = 4
"""Of a message whose connection is cut."""
PIECE: Final = 2**18
TOGETHER: Final = 2000
"""Records that are looked at together."""

Wanted = tuple[int, Listed]
"""A mail and the place that waits for it."""


class Intake:
    """The intake of one hour. Threads may fetch at once."""

    def __init__(self, reader: Reader, blobs: Blobs, work: OpenHour, options: Options, *, bodies: bool) -> None:
        self._reader = reader
        self._blobs = blobs
        self._work = work
        self._details = options.details
        self._settled = SETTLED if options.details else SETTLED | {Detail.UNASKED}
        self._bodies = bodies
        self._lost = lost_messages(work, blobs) if options.details else frozenset[bytes]()
        self._seen = set[bytes]()
        self._failures = Failures()
        self._reused = self._bytes = self._fetched = 0
        self._lacking = Counter[Detail]()
        self.times: list[int] = []
        self.places: list[int] = []
        """Of all mails of the hour, as they are listed."""

    def take(self, rows: Sequence[Listed]) -> list[Wanted]:
        """Take mails that belong to the hour; return those to fetch, first what could not be had before."""
        rows = self._ours(rows)
        versions = [(identity_of(row), listing_of(row)) for row in rows]
        known = self._work.places(versions, self._settled)
        if self._lost:
            known = [
                None if version[0] in self._lost else place for version, place in zip(versions, known, strict=True)
            ]
        new = [number for number, place in enumerate(known) if place is None]
        events = [self._event(rows[number], *versions[number]) for number in new]
        awaited = [event.detail is Detail.MISSING for event in events]
        added = dict(zip(new, self._work.add(events, awaited), strict=True))
        self._reused += len(rows) - sum(awaited)
        self.times += [row.time for row in rows]
        self.places += [added[number] if place is None else place for number, place in enumerate(known)]
        wanted = [number for number, is_awaited in zip(new, awaited, strict=True) if is_awaited]
        wanted.sort(key=lambda number: versions[number][0] not in self._work.owed)
        return [(added[number], rows[number]) for number in wanted]

    def fetch(self, wanted: Wanted) -> None:
        """Fetch a message into a blob, and put its event in its place: first the blob, then the journal, then this."""
        place, listed = wanted
        try:
            event = self._with_message(listed)
        except NotHadError as error:
            event = replace(listed_event(listed), detail=error.detail)
        except SourceError as error:
            if error.refuses_feed or error.until is not None:
                raise
            self._failures.add(error)
            event = listed_event(listed)
        else:
            self._failures.end()
        if event.detail is Detail.WHOLE:
            self._work.journal.record(event.identity, event.listing, event.raw)
        else:
            self._lacking[event.detail] += 1
        self._work.put(place, event)

    def notes(self) -> Iterator[str]:
        """Yield what somebody should know."""
        if number := self._lacking[Detail.PURGED]:
            yield f"{number:,} mails were deleted between their listing and their fetching."
        if number := self._lacking[Detail.MISSING]:
            yield f"{number:,} mails could not be had, or not whole; they are asked for again first."

    def measures(self) -> dict[str, float]:
        return {
            "detail_calls": self._fetched,
            "details_reused": self._reused,
            "message_bytes": self._bytes,
        }

    def _ours(self, rows: Sequence[Listed]) -> list[Listed]:
        """Return the mails whose own time lies in the hour, each once, without those that another hour holds.

        A mail that is moved between sent and received ones changes its time; it stays where it was collected first.
        """
        hour = self._work.hour
        ours: dict[bytes, Listed] = {}
        elsewhere = defaultdict[Hour, set[bytes]](set)
        for row in rows:
            identity = identity_of(row)
            if not hour.holds(row.time) or identity in self._seen:
                continue
            self._seen.add(identity)
            ours[identity] = row
            if row.other_time is not None and not hour.holds(row.other_time):
                elsewhere[Hour.containing(row.other_time, hour.timezone)].add(identity)
        for beside, identities in elsewhere.items():
            for identity in self._work.held_in(beside, identities):
                del ours[identity]
        return [*ours.values()]

    def _event(self, listed: Listed, identity: bytes, listing: bytes) -> Event:
        """Return the event of a mail that is not known: from the journal where it was fetched before."""
        raw = self._work.journal.get(identity, listing)
        record = parse(raw) if raw is not None else None
        if isinstance(record, dict) and self._blobs.renewed(str(record["blob"])):
            return message_event(record)
        event = listed_event(listed)
        return event if self._details else replace(event, detail=Detail.UNASKED)

    def _with_message(self, listed: Listed) -> Event:
        for tries_left in reversed(range(TRIES)):
            try:
                with self._blobs.new() as blob:
                    fetched = self._reader.fetch(listed, blob)
                break
            except BrokenOffError:
                if not tries_left:
                    raise
        self._fetched += 1
        self._bytes += blob.size
        with self._blobs.open(blob.sha256) as file:
            message = read_message(iter(lambda: file.read(PIECE), b""))
        return _event_of(listed, message, fetched, blob.sha256, bodies=self._bodies)


def lost_messages(work: OpenHour, blobs: Blobs) -> frozenset[bytes]:
    """Return identities of known mails whose blob is gone: it comes back where the mailbox gives the same bytes.

    Looked for only where a closed hour is collected again, as `verify` says to do, and not each time it is followed.
    """
    lost = set[bytes]()
    if work.before and work.before.closed:
        index = work.known.index
        for first in range(0, len(index), TOGETHER):
            places = np.arange(first, min(first + TOGETHER, len(index)), dtype=np.int64)
            names = work.known.take(places).column("blob").to_pylist()
            missing = blobs.missing(name for name in names if name)
            lost.update(
                index.identities[at].tobytes() for at, name in zip(places, names, strict=True) if name in missing
            )
    return frozenset(lost)


def identity_of(listed: Listed) -> bytes:
    """Return the digest by which a mail is known again, wherever it is moved."""
    return id_digest(listed.id)


def id_digest(id_: str) -> bytes:
    return blake2b(id_.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def listing_of(listed: Listed) -> bytes:
    """Return the digest of what the listing shows: its message is fetched again where this is another."""
    return blake2b(canonical([listed.time, listed.shown]), digest_size=16).digest()


def listed_event(listed: Listed) -> Event:
    """Return the event of a mail whose message is not here: what the listing shows of it."""
    shown = listed.shown
    message = Message(
        message_id=str(shown.get("message_id") or "").strip("<> ") or None,
        subject=str(shown.get("subject") or ""),
        from_=next(_people(shown, "from"), None),
        sender=next(_people(shown, "sender"), None),
        to=tuple(_people(shown, "to")),
        cc=tuple(_people(shown, "cc")),
    )
    return _event_of(listed, message, Fetched("listing"), None, bodies=False)


def _people(shown: Mapping[str, Any], name: str) -> Iterator[Address]:
    return (Address(*person) for person in shown.get(name) or ())


def _event_of(listed: Listed, message: Message, fetched: Fetched, blob: str | None, *, bodies: bool) -> Event:
    row = row_of(
        message,
        id=listed.id,
        folder=listed.folder,
        received=listed.received,
        time=listed.time,
        blob=blob,
        size=message.size if blob else listed.size or 0,
        listing=listing_of(listed),
        read=listed.is_read,
        conversation=listed.conversation,
        source=fetched.source,
        bodies=bodies,
    )
    if not fetched.lacking:
        return message_event(row)
    row["faults"] = [*message.faults, *fetched.lacking]
    return replace(message_event(row), detail=Detail.MISSING)
