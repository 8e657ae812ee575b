"""A process that delivers what waits in an outbox to a queue, for tests that kill it."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from multiprocessing.process import BaseProcess
from pathlib import Path

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sending import Delivered, Patience, deliver
from mailevents_dagster.deliveries.sqs import QueueAccess, SqsQueue
from mailevents_dagster_tests.deliveries.messages import QUEUE
from mailevents_dagster_tests.forks import FORKS


def delivering_process(path: Path, queue: str, url: str, log: Path) -> BaseProcess:
    """Start it; what it says of its work goes into the log."""
    process = FORKS.Process(target=_deliver, args=(path, queue, url, log, dict(os.environ)))
    process.start()
    return process


def _deliver(path: Path, queue: str, url: str, log: Path, environ: Mapping[str, str]) -> None:
    with log.open("wb") as file:
        os.dup2(file.fileno(), sys.stderr.fileno())
    os.environ.clear()
    os.environ.update(environ)
    delivered_from(path, queue, url)


def delivered_from(path: Path, queue: str, url: str) -> Delivered:
    access = QueueAccess(queue, "eu-west-1", url)
    return deliver(Outbox(path), QUEUE, SqsQueue(access, QUEUE).send, access.limits, Patience(first_pause=0.01))
