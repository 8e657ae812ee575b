"""What of an hour waits in the outbox, handed to another system, and what that answered."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.deliveries.message import Counts, Failed, Limits, Send
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sending import Delivered, deliver
from mailevents_dagster.deliveries.sqs import QueueAccess
from mailevents_dagster.model.event import Event, SourceError, StoppedError
from mailevents_dagster.sources.queues import SIMULATOR, QueueSettings
from mailevents_dagster.sources.receipts import receipt_event
from mailevents_dagster.sources.simulated_queue import simulated_queue

BODIES_KEPT: Final = 7 * 86_400
"""Seconds that the body of a message which was taken is kept, for whoever asks what was sent."""
LOOK_EVERY: Final = 0.5
"""Seconds between two looks whether another process has delivered what this one waits for."""


class AwayError(SourceError):
    """Messages of an hour that the other side does not take now. They wait."""

    cause = "queue"

    def __init__(self, destination: str, problem: Failed, waiting: int) -> None:
        super().__init__(f"{waiting:,} messages of the hour wait for {destination}: {problem.reason}. They are kept.")
        self.is_passing = problem.is_passing


@dataclass(frozen=True, slots=True)
class Published:
    """What became of the messages of an hour."""

    receipts: list[Event]
    counts: Counts
    repeated: tuple[str, ...]

    @property
    def measures(self) -> Mapping[str, float]:
        return {
            "published": self.counts.taken,
            "set_aside": self.counts.aside,
            "published_twice_perhaps": len(self.repeated),
        }

    @property
    def notes(self) -> Iterator[str]:
        if self.repeated:
            keys = ", ".join(self.repeated)
            yield f"{len(self.repeated):,} messages may have gone out twice, with the same event_id: {keys}"
        if self.counts.aside:
            yield f"{self.counts.aside:,} messages of the hour will never go: `reason` in its rows says why."


def publish(
    outbox: Outbox, destination: str, hour: int, send: Send, limits: Limits, stop: threading.Event
) -> Published:
    """Deliver until nothing of the hour waits, or say why it does."""
    done = Delivered()
    while waiting := outbox.counts(destination, hour).get(hour, Counts()).waiting:
        if stop.is_set():
            raise StoppedError("Publishing was stopped.")
        if done.problem:
            raise AwayError(destination, done.problem, waiting)
        done = deliver(outbox, destination, send, limits, stop=stop)
        if done.is_elsewhere:
            stop.wait(LOOK_EVERY)
    counts = outbox.counts(destination, hour).get(hour, Counts())
    receipts = [receipt_event(one) for one in outbox.receipts(destination, hour)]
    return Published(receipts, counts, done.repeated)


def access_of(queue: QueueSettings) -> QueueAccess:
    url = simulated_queue(queue.queue) if queue.endpoint_url == SIMULATOR else queue.endpoint_url
    return QueueAccess(queue.queue, queue.region, url, queue.profile)


def shrink(outbox: Outbox, now: float) -> None:
    """Drop bodies of messages that were taken some time ago."""
    outbox.shrink(int(now) - BODIES_KEPT)
