"""Additions to the suppression list and removals on their way to other systems. The day's list notes them."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator

from mailevents_dagster.deliveries.message import Counts, Limits, Send
from mailevents_dagster.deliveries.opening import outbox_of
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sqs import SqsQueue
from mailevents_dagster.deliveries.webhook import LIMITS, Endpoint
from mailevents_dagster.model.event import Collection
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.source import Queued
from mailevents_dagster.settings.models import Settings
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.outcomes.feeds import SUPPRESSION_SQS
from mailevents_dagster.sources.outcomes.receivers import Receiver, receivers_of
from mailevents_dagster.sources.outcomes.settings.push import PushSettings, signing_key
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings, DomainSettings
from mailevents_dagster.sources.publishing import access_of, publish, shrink
from mailevents_dagster.store.hour.open_hour import OpenHour
from mailevents_dagster.store.store import Store

TYPE = "suppression.changed"


class Pushing:
    """Tells one receiver of one domain's list."""

    def __init__(self, outbox: Outbox, receiver: Receiver, push: PushSettings, stop: threading.Event) -> None:
        self._outbox = outbox
        self._receiver = receiver
        self._push = push
        self._stop = stop

    def collect(self, work: OpenHour, options: Options) -> Collection:
        """Hand over what was noted in an hour, and return the answers; an AwayError where nobody takes it."""
        listed_at, began = time.time(), time.monotonic()
        send, limits = _sending(self._receiver, self._push)
        told = publish(self._outbox, self._receiver.destination, work.hour.start, send, limits, self._stop)
        return Collection(
            told.receipts,
            strays=frozenset(),
            gaps=(),
            listed_at=listed_at,
            closed=listed_at >= work.hour.end + options.settle_seconds,
            measures={**told.measures, "collect_seconds": round(time.monotonic() - began, 3)},
            notes=tuple(told.notes),
        )


def pushing_of(store: Store, domain: DomainSettings, stop: threading.Event) -> dict[Feed, Pushing]:
    """Return what tells each receiver, by its feed."""
    push, outbox = domain.suppression.push, outbox_of(store)
    return {one.feed: Pushing(outbox, one, push, stop) for one in receivers_of(domain)} if push else {}


def _sending(receiver: Receiver, push: PushSettings) -> tuple[Send, Limits]:
    if receiver.feed.kind == SUPPRESSION_SQS and push.sqs:
        access = access_of(push.sqs)
        return SqsQueue(access, receiver.destination).send, access.limits
    if push.webhook is None:
        raise TypeError(f"{receiver.feed} has no receiver")
    return Endpoint(push.webhook.url, signing_key(push.webhook.secret_variable, os.environ), TYPE).send, LIMITS


def queued(settings: Settings, store: Store) -> dict[Feed, Queued]:
    """Return what waits for each receiver."""
    found = {}
    for push, receiver in _receivers(settings, store):
        counts = sum(outbox_of(store).counts(receiver.destination).values(), Counts())
        late = push.late_minutes * 60
        found[receiver.feed] = Queued(counts.waiting, counts.oldest_waiting, counts.aside, late)
    return found


def tidy(settings: Settings, store: Store, now: float) -> None:
    """Drop bodies of what was taken. What waits is never dropped, however old: the list is of now."""
    if any(_receivers(settings, store)):
        shrink(outbox_of(store), now)


def _receivers(settings: Settings, store: Store) -> Iterator[tuple[PushSettings, Receiver]]:
    """Yield who is told, once there is an outbox."""
    for domain in settings.section(DeliverabilitySettings).deliverability if outbox_of(store).is_there else ():
        for receiver in receivers_of(domain):
            if domain.suppression.push:
                yield domain.suppression.push, receiver
