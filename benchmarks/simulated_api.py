"""The simulated API in a process of its own, so that its work is in no collector's figures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from processes import ServingProcess, receive
from workload import FEED, HOUR, KEY, fingerprint

from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.sources.uzmanposta.simulator import (
    Behaviour,
    EventSource,
    FixedMail,
    GeneratedMail,
    Simulator,
)


@dataclass(frozen=True, slots=True)
class Truth:
    """What a perfect collector holds of one hour."""

    events: int
    mails: int
    """Those that have details; mail rejected before it was queued has none."""
    fingerprint: str
    """Of the records with their details."""
    listing_fingerprint: str
    """Of the rows of the listing alone."""


@dataclass(frozen=True, slots=True)
class Served:
    """Calls answered, as the API counted them."""

    lists: int
    details: int
    refused: int
    """Answered 429."""

    @property
    def all(self) -> int:
        return self.lists + self.details + self.refused


class SimulatedApi(ServingProcess):
    """Mail whose busiest hour, from HOUR on, has about so many events; latency and rate limit of its API."""

    def __init__(self, events: int, *, hours: int = 1, latency: float = 0.0, rate: float | None = None) -> None:
        super().__init__(_serve, events, hours, latency, rate)

    def truth(self) -> Truth:
        """The truth about HOUR."""
        truth: Truth = self._ask("truth")
        return truth

    def events_by_hour(self) -> list[int]:
        events: list[int] = self._ask("events_by_hour")
        return events

    def served(self) -> Served:
        """The calls since this was last asked."""
        served: Served = self._ask("served")
        return served

    def _ask(self, question: str) -> Any:
        self._connection.send(question)
        return receive(self._connection)


def _serve(connection: Connection, events: int, hours: int, latency: float, rate: float | None) -> None:
    behaviour = Behaviour(latency_seconds=latency, requests_per_second=rate)
    source = _mail(events, hours)
    with Simulator(behaviour, source=source) as simulator:
        answers: dict[str, Callable[[], object]] = {
            "truth": lambda: _truth(simulator),
            "events_by_hour": lambda: _events_by_hour(source, hours),
            "served": lambda: _served(simulator),
        }
        connection.send(simulator.base_url)
        while True:
            try:
                connection.send(answers[connection.recv()]())
            except EOFError:  # whoever measures is done, or gone
                return


def _mail(events: int, hours: int) -> FixedMail:
    """Generated once and kept: the time a collector waits must not be that of generating mail."""
    sample = 1000.0
    busiest = max(_events_by_hour(GeneratedMail(events_per_hour=sample), hours))
    generated = GeneratedMail(events_per_hour=sample * events / busiest)
    fixed = FixedMail()
    for first in range(HOUR.start - SECONDS, HOUR.start + (hours + 1) * SECONDS, SECONDS):
        fixed.add(FEED.domain, FEED.name, generated.rows(FEED.domain, FEED.name, first, first + SECONDS - 1))
    return fixed


def _events_by_hour(source: EventSource, hours: int) -> list[int]:
    starts = range(HOUR.start, HOUR.start + hours * SECONDS, SECONDS)
    return [len(source.rows(FEED.domain, FEED.name, start, start + SECONDS - 1)) for start in starts]


def _truth(simulator: Simulator) -> Truth:
    records = simulator.truth(FEED.domain, FEED.name, HOUR.start, HOUR.end)
    rows = simulator.source.rows(FEED.domain, FEED.name, HOUR.start, HOUR.end - 1)
    return Truth(len(records), sum("logs" in record for record in records), fingerprint(records), fingerprint(rows))


def _served(simulator: Simulator) -> Served:
    calls = simulator.calls
    served = Served(calls.count("list", 200), calls.count("detail", 200), calls.count(status=429))
    if others := len(calls) - served.all:
        raise RuntimeError(f"{others} calls were answered with errors")
    if any(call.key != KEY for call in calls):
        raise RuntimeError("a call was made with another key")
    calls.clear()
    return served
