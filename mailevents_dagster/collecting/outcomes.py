"""What is asked of the runner, hours of feeds, and what becomes of each. Pure values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.event import Progress, SourceError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.store.hour.commit import Commit

DAMAGE: Final = "damage"
"""The cause where a file of the hour turned out damaged while it was read; the next collection makes it whole."""


def step_aside(why: str) -> None:
    """Leave an hour to the process that has it."""
    raise HeldError(why)


@dataclass(frozen=True, slots=True)
class Task:
    """Hours of one feed, in the order in which they are collected."""

    feed: Feed
    hours: Sequence[Hour]


@dataclass(frozen=True, slots=True)
class Underway:
    """How far an hour is that is being collected."""

    feed: Feed
    hour: Hour
    progress: Progress


@dataclass(frozen=True, slots=True)
class Collected:
    """An hour that was committed."""

    feed: Feed
    hour: Hour
    commit: Commit
    measures: Mapping[str, float]
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Failed:
    """An hour that could not be collected."""

    feed: Feed
    hour: Hour
    said: str
    cause: str | None = None
    """One word, where the source failed, or a file of the hour."""
    hour_is_gone: bool = False
    is_passing: bool = False
    """It was asked for as often as it may be, and may succeed another time."""
    refuses_feed: bool = False
    until: float | None = None
    """The Unix time until which the source answers nobody, where it said so."""
    error: Exception | None = None
    """Where there is no cause. An error of a source is not kept: it may hold the whole answer that it is about."""

    @property
    def other_hours_would_fail(self) -> bool:
        """Whether the feed's other hours would fail in the same way.

        A pause of the source concerns other feeds, too: each fails by itself, without a call, so that each says so.
        """
        return self.refuses_feed or self.until is not None or self.error is not None


@dataclass(frozen=True, slots=True)
class Skipped:
    """An hour that was left to the process that has it, or to another time since it would fail as others have."""

    feed: Feed
    hour: Hour


Outcome = Collected | Failed


def failed(feed: Feed, hour: Hour, error: Exception) -> Failed:
    """Return what is kept of an error."""
    said = str(error) or type(error).__name__
    if isinstance(error, SourceError):
        return Failed(
            feed,
            hour,
            said,
            str(error.cause),
            hour_is_gone=error.hour_is_gone,
            is_passing=error.is_passing,
            refuses_feed=error.refuses_feed,
            until=error.until,
        )
    if isinstance(error, DamagedError):
        return Failed(feed, hour, said, DAMAGE)
    return Failed(feed, hour, said, error=error)
