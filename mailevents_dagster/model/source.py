"""What a source is to the rest of the program: its kinds of feeds, its part of the settings, and its clients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel

from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.model.hour import Hour


@dataclass(frozen=True, slots=True)
class FeedSettings:
    """A feed as it is configured."""

    feed: Feed
    start: int
    """Its first hour, in Unix seconds."""
    monitor_name: str | None = None
    """Its name in heartbeat files, where that is not its domain and name."""
    made_of: tuple[Feed, ...] = ()
    """Feeds standing before it whose committed hours its own are made of."""
    access: Mapping[str, object] = field(default_factory=dict, compare=False)
    """How it is reached, for people: `account`, `endpoint` and `requests_per_second`, where it has them."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Calls a second that some owners may make together."""

    rate: float
    owners: Collection[str]


@dataclass(frozen=True, slots=True)
class Queued:
    """What of a feed that is a delivery waits to be handed over."""

    waiting: int
    oldest: int | None
    """Since when the first of it waits, in Unix seconds."""
    aside: int
    """What the other side will never take."""
    late_after: int
    """Seconds that something may wait."""


@dataclass(frozen=True, slots=True)
class Source:
    """A source. Its functions take the Settings, in which they find its section; what loads those loads no store."""

    name: str
    kinds: Mapping[str, FeedKind] = field(compare=False, repr=False)
    section: type[BaseModel]
    """What stands at the top of the settings file for this source."""
    owners: str
    """The key of the section whose entries have the feeds."""
    configured: Callable[[Any], Iterable[FeedSettings]]
    """Return its feeds, in the order of the file."""
    client: Callable[[Any, str], Any]
    """Return the Client that collects the feeds of an owner; whoever asks closes it."""
    budgets: Callable[[Any], Mapping[str, Budget]] = lambda _: {}
    """Return the budget of each owner that has one."""
    queued: Callable[[Any, Any], Mapping[Feed, Queued]] = lambda _settings, _store: {}
    """Return what waits in the Store's outbox, of each feed that is a delivery."""
    tidy: Callable[[Any, Any, float], object] = lambda _settings, _store, _now: None
    """Remove what the source keeps in the Store beside hours and need not keep any longer, once a day."""
    compare: Callable[[Any, Any, Sequence[tuple[Feed, Hour]]], Iterator[tuple[Sequence[Any], int]]] | None = None
    """Yield for each hour the Findings, how the Store differs from what the source shows now, and the calls so far."""
    compares_daily: bool = False
    """Whether a comparison lists all that an owner has, however many hours: it is made each day, for what they lack."""


def kinds_of(sources: Iterable[Source]) -> dict[str, FeedKind]:
    """Return every kind of feed of the sources, by its name."""
    return {name: kind for source in sources for name, kind in source.kinds.items()}
