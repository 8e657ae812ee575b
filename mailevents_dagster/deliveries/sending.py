"""Deliver what waits in the outbox, in batches, until all is gone or the receiver is away for too long.

A message is marked as tried before it is sent and settled by its own answer. So whatever ends the process, the next
delivery knows which messages may have gone out, sends them again, and names them by their keys.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.deliveries.message import Answer, Failed, Limits, Refused, Send, Taken, Waiting
from mailevents_dagster.deliveries.outbox import FIRST, ElsewhereError, Outbox, Place, leave
from mailevents_dagster.files.printable import counted

_LOG: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a delivery keeps trying while nothing is taken, in seconds."""

    seconds: float = 60.0
    first_pause: float = 0.5
    longest_pause: float = 15.0

    def pause(self, failures: int) -> float:
        """Return how long to wait after so many failures in a row."""
        return min(self.longest_pause, self.first_pause * 2.0 ** min(failures - 1, 30))


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a delivery did."""

    taken: int = 0
    aside: int = 0
    """So many were set aside by this delivery."""
    repeated: tuple[str, ...] = ()
    """The keys of messages that may have gone out twice."""
    problem: Failed | None = None
    """Why there is something left for the next delivery."""
    is_elsewhere: bool = False
    """Another process delivers to this destination; this one did nothing."""


def deliver(
    outbox: Outbox,
    destination: str,
    send: Send,
    limits: Limits,
    patience: Patience = Patience(),
    stop: threading.Event | None = None,
) -> Delivered:
    """Send what waits for this destination and return what became of it.

    Where another process is at it, this returns at once. Setting `stop` ends it after the batches under way.
    """
    delivery = _Delivery(outbox, destination, send, limits, patience, stop or threading.Event())
    with suppress(ElsewhereError), outbox.holding(destination, leave):
        return delivery.run()
    return Delivered(is_elsewhere=True)


def batches(messages: Sequence[Waiting], limits: Limits) -> Iterator[list[Waiting]]:
    """Yield the messages in their order, in batches that are as large as the limits allow."""
    batch: list[Waiting] = []
    room = limits.bytes
    for waiting in messages:
        size = size_of(waiting)
        if batch and (len(batch) == limits.messages or size > room):
            yield batch
            batch, room = [], limits.bytes
        batch.append(waiting)
        room -= size
    if batch:
        yield batch


def size_of(waiting: Waiting) -> int:
    return len(waiting.message.body.encode())


class _Delivery:
    """One delivery, and what it did so far."""

    def __init__(
        self, outbox: Outbox, destination: str, send: Send, limits: Limits, patience: Patience, stop: threading.Event
    ) -> None:
        self._outbox = outbox
        self._destination = destination
        self._send = send
        self._limits = limits
        self._patience = patience
        self._stop = stop
        self._taken = self._aside = 0
        self._repeated: dict[str, None] = {}
        self._failures = 0
        """So many waves in a row had a failure."""
        self._progress_at = time.monotonic()
        self._problem: Failed | None = None

    def run(self) -> Delivered:
        with ThreadPoolExecutor(self._limits.at_once, "delivery") as pool:
            while (is_left := self._pass(pool)) and not self._is_over():
                pass
        return Delivered(self._taken, self._aside, tuple(self._repeated), self._problem if is_left else None)

    def _pass(self, pool: ThreadPoolExecutor) -> bool:
        """Go through all that waits, by time; return whether there was anything.

        What failed alone comes again with the next pass, so that it keeps nothing else waiting.
        """
        place, most = FIRST, self._limits.messages * self._limits.at_once
        while not self._is_over() and (wave := self._outbox.waiting(self._destination, place, most)):
            answers = self._wave(pool, wave)
            if any(not isinstance(answer, Failed) for answer in answers):
                self._progress_at = time.monotonic()
                place = _place_of(wave[-1])
            self._heed([answer for answer in answers if isinstance(answer, Failed)])
        return bool(self._outbox.waiting(self._destination, FIRST, 1))

    def _wave(self, pool: ThreadPoolExecutor, wave: Sequence[Waiting]) -> list[Answer]:
        """Send messages side by side and settle each by its answer."""
        fitting = [waiting for waiting in wave if size_of(waiting) <= self._limits.bytes]
        self._outbox.mark_tried(self._destination, [waiting.message.key for waiting in fitting])
        self._name_repeated(fitting)
        answered: list[tuple[Waiting, Answer]] = [
            (waiting, Refused(f"its body is longer than {self._limits.bytes:,} bytes"))
            for waiting in wave
            if size_of(waiting) > self._limits.bytes
        ]
        for batch, answers in pool.map(self._batch, batches(fitting, self._limits)):
            answered += zip(batch, answers, strict=True)
        self._outbox.settle(self._destination, answered)
        self._taken += sum(isinstance(answer, Taken) for _, answer in answered)
        self._aside += sum(isinstance(answer, Refused) for _, answer in answered)
        return [answer for _, answer in answered]

    def _batch(self, batch: list[Waiting]) -> tuple[list[Waiting], Sequence[Answer]]:
        """Send a batch; where it is refused as a whole, each message by itself: one may have spoilt it for all."""
        messages = [waiting.message for waiting in batch]
        answers = self._send(messages)
        if len(batch) > 1 and all(isinstance(answer, Refused) for answer in answers):
            answers = [self._send([message])[0] for message in messages]
        return batch, answers

    def _name_repeated(self, wave: Sequence[Waiting]) -> None:
        now = time.time()
        keys = [
            waiting.message.key
            for waiting in wave
            if waiting.tried_at is not None and now - waiting.tried_at >= self._limits.known_again_seconds
        ]
        if keys:
            self._repeated |= dict.fromkeys(keys)
            _LOG.warning(
                "%s: %s may go out twice, since nobody knows whether an earlier try arrived: %s",
                self._destination,
                counted(len(keys), "message"),
                ", ".join(keys),
            )

    def _heed(self, failures: Sequence[Failed]) -> None:
        """Wait before the next try where something failed."""
        if not failures:
            self._failures, self._problem = 0, None
            return
        self._failures += 1
        self._problem = next((one for one in failures if not one.is_passing), failures[0])
        if not self._is_over():
            self._stop.wait(self._patience.pause(self._failures))

    def _is_over(self) -> bool:
        if self._stop.is_set() or (self._problem and not self._problem.is_passing):
            return True
        return bool(self._failures) and time.monotonic() - self._progress_at >= self._patience.seconds


def _place_of(waiting: Waiting) -> Place:
    return waiting.message.time, waiting.message.key
