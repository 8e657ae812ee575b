"""To which hour an event belongs. Pure.

To that of its own time, also where it comes late: as far back as hours are collected without being asked for. What is
older, from the future or without a time belongs to the hour in which it came.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.webhook.providers.provider import AHEAD_SECONDS

LATEST: Final = 7 * 86_400
"""Seconds that an event may come late: providers send again for up to three days."""
SENT_AGAIN: Final = 72
"""Hours after which no provider sends again what came without a time of its own."""


@dataclass(frozen=True, slots=True)
class Placing:
    """The rule of a webhook."""

    timezone: str
    start: int
    """The feed's first hour."""
    reach: float = LATEST
    """How many seconds before its arrival the time of an event may lie."""

    def hour_of(self, own: float | None, received: float) -> int:
        """Return the start of the hour of an event."""
        earliest = max(self.start, received - self.reach)
        is_near = own is not None and earliest <= own <= received + AHEAD_SECONDS
        return Hour.containing(own if is_near and own is not None else received, self.timezone).start


def reach_of(catch_up_days: int | None, kept_days: int | None) -> float:
    """Return how late events may come, so that automation still collects their hours and retention keeps them."""
    limits = [LATEST]
    if catch_up_days is not None:
        limits.append(max(0, catch_up_days * 86_400 - 7_200))
    if kept_days is not None:
        limits.append(max(0, (kept_days - 1) * 86_400))
    return min(limits)
