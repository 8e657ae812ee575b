"""A process that delivers what waits in an outbox to a queue, for tests that kill it."""

from __future__ import annotations

import sys
from pathlib import Path

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sending import Delivered, Patience, deliver
from mailevents_dagster.deliveries.sqs import QueueAccess, SqsQueue
from mailevents_dagster_tests.deliveries.messages import QUEUE


def delivering_process(path: Path, queue: str, url: str) -> list[str]:
    return [sys.executable, "-m", __name__, str(path), queue, url]


def delivered_from(path: Path, queue: str, url: str) -> Delivered:
    access = QueueAccess(queue, "eu-west-1", url)
    return deliver(Outbox(path), QUEUE, SqsQueue(access, QUEUE).send, access.limits, Patience(first_pause=0.01))


if __name__ == "__main__":
    delivered_from(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
