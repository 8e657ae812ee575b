"""Which hours have expired, by which rule, and which of them a legal hold keeps. Pure: the clock is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self
from zoneinfo import ZoneInfo

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour

SECONDS_A_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Rule:
    """So many days, of 24 hours each, is what is kept of a category."""

    category: str
    days: int

    def cutoff(self, now: float) -> float:
        """What ended before has expired."""
        return now - self.days * SECONDS_A_DAY

    def __str__(self) -> str:
        return f"{self.category}_days: {self.days}"

    @classmethod
    def of(cls, feed: Feed, text: str) -> Self:
        """Return the rule that a record of the feed names; ValueError where it names none."""
        return cls(feed.kind.category, int(text.rpartition(": ")[2]))


@dataclass(frozen=True, slots=True)
class Clocks:
    """What time it is, by two witnesses: a clock alone, set wrong, would destroy for good."""

    ours: float
    theirs: float | None
    """The newest time that a source showed; None where none did."""

    @property
    def earlier(self) -> float:
        """By which hours are destroyed. A source that was asked within a day bears out this machine's clock."""
        if self.theirs is None:
            return 0.0
        return self.ours if self.ours - self.theirs <= SECONDS_A_DAY else self.theirs

    @property
    def later(self) -> float:
        """By which an hour that has not expired has not expired by any clock."""
        return max(self.ours, self.theirs or 0.0)

    def sentence(self, timezone: str) -> str | None:
        """Say what somebody must do where the two contradict each other."""
        if self.theirs is None:
            return "No source has shown what time it is, so no hour counts as expired: `mailevents collect` once."
        if abs(self.ours - self.theirs) <= SECONDS_A_DAY:
            return None
        zone = ZoneInfo(timezone)
        ours, theirs = (f"{datetime.fromtimestamp(at, zone):%Y-%m-%d %H:%M}" for at in (self.ours, self.theirs))
        return (
            f"By this machine's clock it is {ours}, and the newest time that a source showed is {theirs}: hours expire "
            f"by the earlier. Set the clock (NTP); where it is right, `mailevents collect` once."
        )


@dataclass(frozen=True, slots=True)
class Hold:
    """Hours of feeds that are kept whatever their age."""

    feeds: str
    """A pattern, written as `domain feed`."""
    first: int | None
    until: int | None
    """Unix seconds, not included."""
    reason: str

    def keeps(self, feed: Feed, hour: Hour) -> bool:
        """Return whether any of the hour is held."""
        begun = self.first is None or hour.end > self.first
        return begun and (self.until is None or hour.start < self.until) and feed.matches(self.feeds)


@dataclass(frozen=True, slots=True)
class Expired:
    """An hour that is older than its rule allows; it goes unless it is held."""

    hour: Hour
    rule: Rule
    hold: Hold | None


@dataclass(frozen=True, slots=True)
class Retention:
    """What is destroyed after a time, and what never is."""

    days: Mapping[str, int] = field(default_factory=dict)
    """A category that is not in here is kept for ever."""
    holds: tuple[Hold, ...] = ()

    def rule(self, feed: Feed) -> Rule | None:
        category = feed.kind.category
        return Rule(category, self.days[category]) if category in self.days else None

    def expired(self, feed: Feed, hours: Iterable[Hour], now: float) -> Iterator[Expired]:
        """Yield those of the hours whose end is older than the days of their category."""
        rule = self.rule(feed)
        for hour in hours if rule else ():
            if rule and hour.end < rule.cutoff(now):
                yield Expired(hour, rule, next((hold for hold in self.holds if hold.keeps(feed, hour)), None))

    def meaningless_holds(self, feeds: Iterable[Feed]) -> list[Hold]:
        """Return the holds whose pattern matches no feed: a typing mistake there would destroy evidence."""
        feeds = list(feeds)
        return [hold for hold in self.holds if not any(feed.matches(hold.feeds) for feed in feeds)]
