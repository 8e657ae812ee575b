"""Bounces on their way to the queue: noted in the outbox once they are committed, and delivered from there."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from mailevents_dagster.deliveries.message import Counts, Failed, Message
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sending import Delivered, deliver
from mailevents_dagster.deliveries.sqs import QueueAccess, SqsQueue
from mailevents_dagster.model.event import Collection, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import Queued
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.maillog.bounces.columns import COLUMNS
from mailevents_dagster.sources.maillog.bounces.messages import message
from mailevents_dagster.sources.maillog.committed import committed
from mailevents_dagster.sources.maillog.errors import Cause, LogError
from mailevents_dagster.sources.maillog.feeds import SQS
from mailevents_dagster.sources.maillog.receipts import receipt_event
from mailevents_dagster.sources.maillog.settings import MailLogSettings, SqsSettings
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store

READ: Final = ("event_time", *(column.name for column in COLUMNS))
LOOK_EVERY: Final = 0.5
"""Seconds between two looks whether another process has delivered what this one waits for."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published of a server's bounces, and where."""

    access: QueueAccess
    since: int | None
    """Bounces before it are not published; None: before the first use of this queue."""
    only_with_pattern: bool
    hash_key: bytes | None
    """The key of the hashes that stand in the place of addresses; None where addresses do."""


class Publishing:
    """Publishes the bounces of one server."""

    def __init__(self, store: Store, outbox: Outbox, bounces: Feed, publication: Publication) -> None:
        self._store = store
        self._outbox = outbox
        self._bounces = bounces
        self._publication = publication
        self._destination = destination_of(bounces.domain, publication.access)
        self._queue = SqsQueue(publication.access, self._destination)
        self._stop = threading.Event()

    def collect(self, work: OpenHour) -> Collection:
        """Publish what is new of an hour and return the queue's answers; a LogError where it is away."""
        began = time.monotonic()
        manifest, table = committed(self._store, self._bounces, work.hour, READ)
        noted = self._outbox.note(self._destination, self._messages(table.to_pylist(), work.hour.start))
        delivered = self._delivered(work.hour.start)
        receipts = list(self._outbox.receipts(self._destination, work.hour.start))
        counts = self._outbox.counts(self._destination).get(work.hour.start, Counts())
        return Collection(
            [receipt_event(one) for one in receipts],
            strays=frozenset(),
            gaps=manifest.gaps,
            listed_at=manifest.listed_at,
            closed=manifest.closed,
            measures={
                "noted": noted,
                "published": counts.taken,
                "set_aside": counts.aside,
                "published_twice_perhaps": len(delivered.repeated),
                "collect_seconds": round(time.monotonic() - began, 3),
            },
            notes=tuple(_notes(delivered, counts)),
        )

    def stop(self) -> None:
        self._stop.set()

    def _messages(self, rows: Iterable[Mapping[str, Any]], hour: int) -> Iterator[Message]:
        publication = self._publication
        since = publication.since
        if since is None:
            since = self._outbox.first_used(self._destination)
        for row in rows:
            at = int(row["event_time"].timestamp())
            if at >= since and (row["pattern_id"] is not None or not publication.only_with_pattern):
                body = message(row, self._bounces.domain, publication.hash_key)
                yield Message(row["event_id"], orjson.dumps(body).decode(), hour, at)

    def _delivered(self, hour: int) -> Delivered:
        """Deliver what waits until nothing of the hour does."""
        while True:
            done = deliver(
                self._outbox, self._destination, self._queue.send, self._publication.access.limits, stop=self._stop
            )
            if self._stop.is_set():
                raise StoppedError("Publishing was stopped.")
            waiting = self._outbox.counts(self._destination).get(hour, Counts()).waiting
            if not waiting:
                return done
            if not done.is_elsewhere:
                raise _away(self._destination, done.problem, waiting)
            self._stop.wait(LOOK_EVERY)


def publication_of(sqs: SqsSettings, environ: Mapping[str, str] = os.environ) -> Publication:
    """Return what the settings say of the queue."""
    access = QueueAccess(sqs.queue, sqs.region, sqs.endpoint_url, sqs.profile)
    key = environ[sqs.hash_key_variable].encode() if sqs.addresses == "hashed" and sqs.hash_key_variable else None
    return Publication(access, None if sqs.since == "now" else sqs.since, sqs.only_with_pattern, key)


def queued(settings: Settings, store: Store) -> dict[Feed, Queued]:
    """Return what waits in the outbox of each server's bounces."""
    section = settings.section(MailLogSettings)
    sqs = section.bounces.sqs
    if sqs is None or not store.layout.outbox.exists():
        return {}
    outbox, access = Outbox(store.layout.outbox), publication_of(sqs).access
    found = {}
    for log in section.mail_logs:
        counts = sum(outbox.counts(destination_of(log.name, access)).values(), Counts())
        found[Feed(log.name, SQS)] = Queued(counts.waiting, counts.oldest_waiting, counts.aside, sqs.late_minutes * 60)
    return found


def destination_of(server: str, access: QueueAccess) -> str:
    """Return the name of a server's queue in the outbox: another queue is another destination."""
    where = access.endpoint_url or access.region or ""
    return " ".join(filter(None, (server, access.queue, where)))


def _away(destination: str, problem: Failed | None, waiting: int) -> LogError:
    why = problem.reason if problem else "it was not reached in time"
    said = (
        f"{waiting:,} messages of the hour wait for the queue of {destination}: {why}. They are kept and tried again."
    )
    return LogError(Cause.QUEUE, said, is_passing=problem is None or problem.is_passing)


def _notes(delivered: Delivered, counts: Counts) -> Iterator[str]:
    if delivered.repeated:
        keys = ", ".join(delivered.repeated)
        yield f"{len(delivered.repeated):,} messages may have gone out twice, with the same event_id: {keys}"
    if counts.aside:
        yield f"{counts.aside:,} messages of the hour will never go: `reason` in its rows says why."
