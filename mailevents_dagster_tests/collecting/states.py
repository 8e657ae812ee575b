"""States of feeds to plan from, and what a plan asks for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from mailevents_dagster.collecting.planning import (
    FeedState,
    Plan,
    UnderWay,
)
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursors import Cursor, Failure, Span
from mailevents_dagster_tests.conftest import INCOMING, START

NOW = START + 600
"""The very second at which the hour before noon has settled."""
IDLE = UnderWay()
NAMES = ("mail/incominglog", "mail/outgoinglog", "authentication", "quarantine/quarantine", "quarantine/hold")
HELD = feed_of("example.com", "quarantine/hold")


def feeds_of(domains: int) -> list[Feed]:
    """Five feeds a domain."""
    return [feed_of(f"d{number:03}.example", name) for number in range(domains) for name in NAMES]


def ago(hours: float) -> int:
    return round(START - hours * SECONDS)


def span(oldest: float, newest: float) -> Span:
    """From so many hours before noon to so many hours before noon."""
    return ago(oldest), ago(newest)


def state(feed: Feed = INCOMING, hours: float = 48, closed: Iterable[Span] = (), **fields: object) -> FeedState:
    """A feed that began so many hours before noon."""
    return FeedState(feed, ago(hours), replace(Cursor(tuple(closed)), **fields))  # type: ignore[arg-type]


def asked(made: Plan) -> list[tuple[float, float, int]]:
    """From and to in hours before noon, and how many feeds."""
    return [((START - ask.first) / 3600, (START - ask.end) / 3600, len(ask.feeds)) for ask in made.asks]


def failed_once(at: float, cause: str = "server") -> Failure:
    return Failure(1, at, cause, "")
