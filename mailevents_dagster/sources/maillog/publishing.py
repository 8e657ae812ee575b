"""Bounces on their way to the queue: noted in the outbox once they are committed, and delivered from there."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final

import orjson

from mailevents_dagster.deliveries.message import Counts, Message
from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sqs import QueueAccess, SqsQueue
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import Queued
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.committed import committed
from mailevents_dagster.sources.maillog.bounces.columns import COLUMNS
from mailevents_dagster.sources.maillog.bounces.messages import message
from mailevents_dagster.sources.maillog.feeds import CATEGORY, SQS
from mailevents_dagster.sources.maillog.settings import MailLogSettings, SqsSettings
from mailevents_dagster.sources.publishing import access_of, publish, shrink
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store

READ: Final = ("event_time", *(column.name for column in COLUMNS))


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
        """Publish what is new of an hour and return the queue's answers; an AwayError where it is away."""
        began = time.monotonic()
        manifest, table = committed(self._store, self._bounces, work.hour, READ)
        noted = self._outbox.note(self._destination, self._messages(table.to_pylist(), work.hour.start))
        published = publish(
            self._outbox, self._destination, work.hour.start, self._queue.send, self._access.limits, self._stop
        )
        return Collection(
            published.receipts,
            strays=frozenset(),
            gaps=manifest.gaps,
            listed_at=manifest.listed_at,
            closed=manifest.closed,
            measures={
                "noted": noted,
                **published.measures,
                "collect_seconds": round(time.monotonic() - began, 3),
            },
            notes=tuple(published.notes),
        )

    @cached_property
    def _queue(self) -> SqsQueue:
        return SqsQueue(self._access, self._destination)

    @cached_property
    def _access(self) -> QueueAccess:
        return access_of(self._sqs)

    def stop(self) -> None:
        self._stop.set()

    def _messages(self, rows: Iterable[Mapping[str, Any]], hour: int) -> Iterator[Message]:
        since = self._sqs.since or self._outbox.first_used(self._destination)
        for row in rows:
            at = int(row["event_time"].timestamp())
            if at >= since and (row["pattern_id"] is not None or not self._sqs.only_with_pattern):
                body = message(row, self._bounces.domain, self._hash_key)
                yield Message(row["event_id"], orjson.dumps(body).decode(), hour, at)


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
    shrink(outbox, now)
    for log in section.mail_logs if days else ():
        outbox.forget(destination_of(log.name, section.bounces.sqs), int(now) - (days or 0) * 86_400)


def destination_of(server: str, sqs: SqsSettings) -> str:
    """Return the name of a server's queue in the outbox."""
    return f"{server} {sqs.name}"
