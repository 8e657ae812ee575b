"""Which hours have expired, by which rule, and which of them a legal hold keeps. Pure: the clock is passed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.feeds import Category, Feed
from mailevents_dagster.hours import Hour

SECONDS_A_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Rule:
    """So many days, of 24 hours each, is what is kept of a category."""

    category: Category
    days: int

    def cutoff(self, now: float) -> float:
        """What ended before has expired."""
        return now - self.days * SECONDS_A_DAY

    def __str__(self) -> str:
        return f"{self.category}_days: {self.days}"


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
        """Whether any of the hour is held."""
        begun = self.first is None or hour.end > self.first
        return begun and (self.until is None or hour.start < self.until) and feed.is_like(self.feeds)


@dataclass(frozen=True, slots=True)
class Expired:
    """An hour that is older than its rule allows; it goes unless it is held."""

    hour: Hour
    rule: Rule
    hold: Hold | None


@dataclass(frozen=True, slots=True)
class Retention:
    """What is destroyed after a time, and what never is."""

    days: Mapping[Category, int] = field(default_factory=dict)
    """A category that is not in here is kept for ever."""
    holds: tuple[Hold, ...] = ()

    def rule(self, feed: Feed) -> Rule | None:
        category = feed.kind.category
        return Rule(category, self.days[category]) if category in self.days else None

    def expired(self, feed: Feed, hours: Iterable[Hour], now: float) -> Iterator[Expired]:
        """Those of the hours whose end is older than the days of their category."""
        rule = self.rule(feed)
        for hour in hours if rule else ():
            if rule and hour.end < rule.cutoff(now):
                yield Expired(hour, rule, next((hold for hold in self.holds if hold.keeps(feed, hour)), None))

    def meaningless_holds(self, feeds: Iterable[Feed]) -> list[Hold]:
        """Holds whose pattern is like none of the feeds: a typing mistake there would destroy evidence."""
        feeds = list(feeds)
        return [hold for hold in self.holds if not any(feed.is_like(hold.feeds) for feed in feeds)]
