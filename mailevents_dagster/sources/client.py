"""What the collector wants of a source: a client for each of its lanes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mailevents_dagster.model.event import Collection, Progress, SourceError
from mailevents_dagster.store.hour.open_hour import OpenHour


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a call, as a client tells of it from whatever thread."""

    seconds: float
    failed: SourceError | None = None
    seconds_throttled: float = 0.0
    """How long the source has told this client to wait since the collection began."""


@dataclass(frozen=True, slots=True)
class Options:
    """How an hour is to be collected, and who hears how far it is."""

    settle_seconds: float = 0.0
    """How long after its end an hour closes; infinite where none may."""
    lookback_seconds: float = 0.0
    """How long after its end an hour is looked at again."""
    details: bool = True
    report: Callable[[Progress], object] = lambda _: None
    observe: Callable[[Attempt], object] = lambda _: None


class Client(Protocol):
    """What collects the hours of a lane."""

    def collect(self, work: OpenHour, options: Options) -> Collection:
        """Return what the source has of an hour now, or raise a SourceError. The work holds what is known of it.

        Once this has reported that the next hour may begin, it may be called for that hour from another thread.
        """

    def stop(self) -> None:
        """End waiting calls and refuse new ones; what is at work raises StoppedError."""

    def close(self) -> None:
        """Give back connections, threads and files."""
