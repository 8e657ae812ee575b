"""Events of a spool on their way into an hour: each once, its files as blobs."""

from __future__ import annotations

from collections.abc import Sequence, Set
from hashlib import sha256
from typing import Final

import numpy as np

from mailevents_dagster.files.json_text import NotJsonError
from mailevents_dagster.model.event import Detail, Event, Placed
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.messages.message import Attachment
from mailevents_dagster.sources.messages.reading import read_message
from mailevents_dagster.sources.webhook.placing import SENT_AGAIN, Placing
from mailevents_dagster.sources.webhook.providers.provider import File, Kind, Provider, RefusedError, Told, digest_id
from mailevents_dagster.sources.webhook.rows import identity_of, record_of, webhook_event
from mailevents_dagster.sources.webhook.spool.frames import Posted
from mailevents_dagster.store.blobs import Blobs
from mailevents_dagster.store.hour.open_hour import OpenHour

_ALL_STATES: Final = tuple(Detail)


def told_by(provider: Provider, posted: Posted) -> Sequence[Told]:
    """Return the events of a request that was taken; one that cannot be read any more is one event, kept as it is."""
    try:
        return provider.tell(posted)
    except (RefusedError, NotJsonError):
        said = {"type": posted.type, "body": posted.body.decode("latin-1")}
        return [Told(digest_id(said), None, {"kind": Kind.OTHER}, said)]


class Intake:
    """The intake of one hour."""

    def __init__(self, work: OpenHour, blobs: Blobs, provider: Provider, placing: Placing) -> None:
        self._work = work
        self._blobs = blobs
        self._provider = provider
        self._placing = placing
        self._seen = set[bytes]()
        self._parts: list[Placed] = [work.known_events]
        self.strays = set[bytes]()
        self.requests = self.repeated = self.files = 0

    def take(self, posts: Sequence[Posted]) -> int:
        """Take the events of these requests that belong to the hour; return how many those are."""
        found = [one for posted in posts for one in self._ours(posted)]
        identities = [identity_of(told.id) for told, _ in found]
        known = self._work.places([(identity, identity) for identity in identities], _ALL_STATES)
        elsewhere = self._elsewhere([told for told, _ in found]) | self._work.strays_elsewhere
        events = []
        for (told, posted), identity, place in zip(found, identities, known, strict=True):
            if place is not None or identity in elsewhere or identity in self._seen:
                self.repeated += 1
            else:
                events.append(self._event(told, posted))
            self._seen.add(identity)
        places = np.array(self._work.add(events), np.int64)
        self._parts.append(Placed(places, np.array([event.time for event in events], np.int64)))
        return len(found)

    def placed(self) -> Placed:
        """Return all events of the hour, oldest first."""
        places = np.concatenate([part.places for part in self._parts])
        times = np.concatenate([part.times for part in self._parts])
        order = np.argsort(times, kind="stable")
        return Placed(places[order], times[order])

    def _ours(self, posted: Posted) -> list[tuple[Told, Posted]]:
        start, hour_of = self._work.hour.start, self._placing.hour_of
        ours = [
            (told, posted) for told in told_by(self._provider, posted) if hour_of(told.time, posted.received) == start
        ]
        self.requests += bool(ours)
        return ours

    def _elsewhere(self, found: Sequence[Told]) -> Set[bytes]:
        """Return which events that are here for their arrival another hour has: they may arrive again in another."""
        hour = self._work.hour
        arrived = [told for told in found if told.time is None or not hour.holds(told.time)]
        identities = {identity_of(told.id) for told in arrived}
        near = range(hour.start - SENT_AGAIN * SECONDS, hour.end + SENT_AGAIN * SECONDS, SECONDS)
        own = {Hour.containing(told.time, hour.timezone).start for told in arrived if told.time is not None}
        starts = own.union(near) - {hour.start} if arrived else ()
        held = set[bytes]()
        for start in starts:
            held |= self._work.held_in(Hour(start, hour.timezone), identities)
        return held

    def _event(self, told: Told, posted: Posted) -> Event:
        blob, size = None, None
        if told.message is not None:
            blob, size = self._kept(told.message), len(told.message)
            attachments = [_attachment(one, one.size, one.sha256) for one in read_message([told.message]).attachments]
        else:
            attachments = [_attachment(one, len(one.content), self._kept(one.content)) for one in told.files]
        event = webhook_event(record_of(told, posted.received, blob, size, attachments))
        if not self._work.hour.holds(event.time):
            self.strays.add(event.identity)
        return event

    def _kept(self, content: bytes) -> str:
        """Return the SHA-256 of what is kept as a blob, durable before the event that names it."""
        self.files += 1
        digest = sha256(content).hexdigest()
        if not self._blobs.renewed(digest):
            with self._blobs.new() as blob:
                blob.write(content)
        return digest


def _attachment(one: File | Attachment, size: int, sha256: str) -> dict[str, object]:
    return {
        "name": one.name,
        "size": size,
        "sha256": sha256,
        "inline": one.inline,
        "type": one.type,
        "content_id": one.content_id or None,
    }
