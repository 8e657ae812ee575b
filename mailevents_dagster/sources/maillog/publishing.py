"""Bounces on their way to the queue: noted in the outbox once they are committed, and delivered from there."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import orjson

from mailevents_dagster.deliveries.message import Counts, Failed, Message
from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sending import Delivered, deliver
from mailevents_dagster.deliveries.sqs import QueueAccess, SqsQueue
from mailevents_dagster.model.event import Collection, StoppedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import Queued
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.sources.maillog.bounces.columns import COLUMNS
from mailevents_dagster.sources.maillog.bounces.messages import message
from mailevents_dagster.sources.maillog.errors import Cause, LogError
from mailevents_dagster.sources.maillog.feeds import CATEGORY, SQS
from mailevents_dagster.sources.maillog.settings import SIMULATOR, MailLogSettings, SqsSettings
from mailevents_dagster.sources.maillog.simulator.queue import simulated_queue
from mailevents_dagster.sources.receipts import receipt_event
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store

READ: Final = ("event_time", *(column.name for column in COLUMNS))
BODIES_KEPT: Final = 7 * 86_400
"""Seconds that the body of a message which was taken is kept, for whoever asks what was sent."""
LOOK_EVERY: Final = 0.5
"""Seconds between two looks whether another process has delivered what this one waits for."""


class Publishing:
    """Publishes the bounces of one server."""

    def __init__(self, store: Store, outbox: Outbox, bounces: Feed, sqs: SqsSettings) -> None:
        self._store = store
        self._outbox = outbox
        self._bounces = bounces
        self._sqs = sqs
        self._destination = destination_of(bounces.domain, sqs)
        self._hash_key = os.environ[sqs.hash_key_variable or ""].encode() if sqs.addresses == "hashed" else None
        self._stop = threading.Event()

    def collect(self, work: OpenHour) -> Collection:
        """Publish what is new of an hour and return the queue's answers; a LogError where it is away."""
        began = time.monotonic()
        manifest, table = committed(self._store, self._bounces, work.hour, READ)
        noted = self._outbox.note(self._destination, self._messages(table.to_pylist(), work.hour.start))
        delivered = self._delivered(work.hour.start)
        receipts = list(self._outbox.receipts(self._destination, work.hour.start))
        counts = self._outbox.counts(self._destination, work.hour.start).get(work.hour.start, Counts())
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

    @cached_property
    def _queue(self) -> SqsQueue:
        return SqsQueue(self._access, self._destination)

    @cached_property
    def _access(self) -> QueueAccess:
        sqs = self._sqs
        url = simulated_queue(sqs.queue) if sqs.endpoint_url == SIMULATOR else sqs.endpoint_url
        return QueueAccess(sqs.queue, sqs.region, url, sqs.profile)

    def stop(self) -> None:
        self._stop.set()

    def _messages(self, rows: Iterable[Mapping[str, Any]], hour: int) -> Iterator[Message]:
        since = self._sqs.since or self._outbox.first_used(self._destination)
        for row in rows:
            at = int(row["event_time"].timestamp())
            if at >= since and (row["pattern_id"] is not None or not self._sqs.only_with_pattern):
                body = message(row, self._bounces.domain, self._hash_key)
                yield Message(row["event_id"], orjson.dumps(body).decode(), hour, at)

    def _delivered(self, hour: int) -> Delivered:
        """Deliver until nothing of the hour waits, or say why it does."""
        done = Delivered()
        while waiting := self._outbox.counts(self._destination, hour).get(hour, Counts()).waiting:
            if self._stop.is_set():
                raise StoppedError("Publishing was stopped.")
            if done.problem:
                raise _away(self._destination, done.problem, waiting)
            done = deliver(self._outbox, self._destination, self._queue.send, self._access.limits, stop=self._stop)
            if done.is_elsewhere:
                self._stop.wait(LOOK_EVERY)
        return done


def queued(settings: Settings, store: Store) -> dict[Feed, Queued]:
    """Return what waits in the outbox of each server's bounces."""
    section = settings.section(MailLogSettings)
    sqs = section.bounces.sqs
    if sqs is None or not (outbox := outbox_of(store)).is_there:
        return {}
    found = {}
    for log in section.mail_logs:
        counts = sum(outbox.counts(destination_of(log.name, sqs)).values(), Counts())
        found[Feed(log.name, SQS)] = Queued(counts.waiting, counts.oldest_waiting, counts.aside, sqs.late_minutes * 60)
    return found


def tidy(settings: Settings, store: Store, now: float) -> None:
    """Drop bodies of messages that were taken, and all that is older than the events may be kept."""
    section = settings.section(MailLogSettings)
    if section.bounces.sqs is None or not (outbox := outbox_of(store)).is_there:
        return
    days = settings.retention.days.get(CATEGORY)
    outbox.shrink(int(now) - BODIES_KEPT)
    for log in section.mail_logs if days else ():
        outbox.forget(destination_of(log.name, section.bounces.sqs), int(now) - (days or 0) * 86_400)


def destination_of(server: str, sqs: SqsSettings) -> str:
    """Return the name of a server's queue in the outbox: another queue is another destination."""
    return " ".join(filter(None, (server, sqs.queue, sqs.endpoint_url or sqs.region)))


def _away(destination: str, problem: Failed, waiting: int) -> LogError:
    said = f"{waiting:,} messages of the hour wait for the queue of {destination}: {problem.reason}. They are kept."
    return LogError(Cause.QUEUE, said, is_passing=problem.is_passing)


def _notes(delivered: Delivered, counts: Counts) -> Iterator[str]:
    if delivered.repeated:
        keys = ", ".join(delivered.repeated)
        yield f"{len(delivered.repeated):,} messages may have gone out twice, with the same event_id: {keys}"
    if counts.aside:
        yield f"{counts.aside:,} messages of the hour will never go: `reason` in its rows says why."
