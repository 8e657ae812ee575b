"""Whether an account's budget of calls keeps up with the mails that arrive. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS

SECONDS_A_DAY: Final = 86_400
ROWS_A_CALL: Final = 1000


@dataclass(frozen=True, slots=True)
class Pace:
    """What arrives at an account against what it may ask for, in calls a second, and what is still to be asked for."""

    arriving: float
    allowed: float
    behind: float
    """Calls that the hours behind will take."""

    @property
    def falls_behind(self) -> bool:
        return self.arriving >= self.allowed

    @property
    def seconds_to_catch_up(self) -> float | None:
        """Return None if it never does."""
        return None if self.falls_behind else self.behind / (self.allowed - self.arriving)

    def __add__(self, other: Pace) -> Pace:
        """Return the pace of two feeds of one account together."""
        return Pace(self.arriving + other.arriving, self.allowed, self.behind + other.behind)

    def sentence(self, domain: str) -> str | None:
        """Return what people must know: nothing if the account is current within a day."""
        numbers = f"{domain}: what arrives needs {self.arriving:,.2f} calls a second, and {self.allowed:g} are allowed"
        if self.falls_behind:
            return (
                f"{numbers}; it falls further and further behind. Raise api.requests_per_second if the vendor allows "
                f"more, or collect fewer feeds."
            )
        seconds = self.seconds_to_catch_up or 0.0
        if seconds > SECONDS_A_DAY:
            return f"{numbers}; at this pace it has caught up in {seconds / SECONDS_A_DAY:,.1f} days."
        return None


def pace_of(feed: Feed, events: int, hours_behind: int, allowed: float, *, details: bool) -> Pace:
    """Return the pace of a feed whose newest closed hour has so many events."""
    calls = 1 + (events if feed.kind.has_details and details else events // ROWS_A_CALL)
    return Pace(calls / SECONDS, allowed, calls * hours_behind)
