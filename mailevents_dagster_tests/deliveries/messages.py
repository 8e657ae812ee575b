"""Messages, and a receiver that answers as a test tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence

from mailevents_dagster.deliveries.message import Answer, Counts, Limits, Message, Taken
from mailevents_dagster.deliveries.outbox import FIRST, Outbox
from mailevents_dagster.deliveries.sending import Delivered, Patience, deliver
from mailevents_dagster_tests.conftest import START

QUEUE = "maillog/mx1.example.com/sqs"
LIMITS = Limits(10, 2**20)
BRIEF = Patience(seconds=0.05, first_pause=0.001, longest_pause=0.002)
ENDLESS = Patience(seconds=3600, first_pause=0.001, longest_pause=0.002)
"""For receivers that come back: a busy machine must not end a delivery."""


def message(number: int, body: str = "", time: int | None = None) -> Message:
    at = START + number if time is None else time
    return Message(f"event-{number}", body or f'{{"event_id":"event-{number}"}}', at // 3600 * 3600, at)


def messages(many: int) -> Iterator[Message]:
    return map(message, range(many))


def total(outbox: Outbox, destination: str = QUEUE) -> Counts:
    return sum(outbox.counts(destination).values(), Counts())


def waiting_keys(outbox: Outbox, destination: str = QUEUE) -> list[str]:
    return [one.message.key for one in outbox.waiting(destination, FIRST, 10**6)]


class Receiver:
    """Takes messages, or answers the next batches as it is told first."""

    def __init__(self, *answers: Callable[[Sequence[Message]], Sequence[Answer]]) -> None:
        self.batches: list[list[str]] = []
        self.taken: list[str] = []
        self._answers = list(answers)
        self._lock = threading.Lock()

    def __call__(self, batch: Sequence[Message]) -> Sequence[Answer]:
        with self._lock:
            self.batches.append([one.key for one in batch])
            answer = self._answers.pop(0) if self._answers else all_answer(Taken("id"))
        given = answer(batch)
        with self._lock:
            self.taken += [one.key for one, said in zip(batch, given, strict=True) if isinstance(said, Taken)]
        return given


def all_answer(answer: Answer) -> Callable[[Sequence[Message]], Sequence[Answer]]:
    return lambda batch: [answer] * len(batch)


def sent(outbox: Outbox, receiver: Receiver, limits: Limits = LIMITS, patience: Patience = ENDLESS) -> Delivered:
    return deliver(outbox, QUEUE, receiver, limits, patience)
