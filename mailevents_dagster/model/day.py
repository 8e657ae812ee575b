"""Day: a calendar day of a time zone, with its 23, 24 or 25 hours. Pure values."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from mailevents_dagster.model.hour import Hour, hours_between, key_timezone

DAY_FORMAT: Final = "%Y-%m-%d"
YEARS: Final = range(2019, 2100)


@dataclass(frozen=True, order=True, slots=True)
class Day:
    """The hours between two midnights of a time zone, those of its partition keys."""

    date: date
    timezone: str

    @classmethod
    def from_key(cls, key: str, timezone: str) -> Day:
        """Return the day of a partition key; raise ValueError if it is not one."""
        day = datetime.strptime(key, DAY_FORMAT).date()  # noqa: DTZ007 - a date has no offset
        if day.year not in YEARS:
            raise ValueError(f"{key} lies before or after the years that hours are defined for")
        return cls(day, timezone)

    @classmethod
    def containing(cls, time: float, timezone: str) -> Day:
        """Return the day that holds a Unix time."""
        return cls(datetime.fromtimestamp(time, ZoneInfo(key_timezone(timezone))).date(), timezone)

    @property
    def key(self) -> str:
        return self.date.isoformat()

    @property
    def start(self) -> int:
        return _midnight(self.date, self.timezone)

    @property
    def end(self) -> int:
        return _midnight(self.date + timedelta(days=1), self.timezone)

    def ago(self, days: int) -> Day:
        """Return the day that lies so many days before."""
        return Day(self.date - timedelta(days=days), self.timezone)

    @property
    def hours(self) -> Iterator[Hour]:
        return hours_between(self.start, self.end, self.timezone)

    def __str__(self) -> str:
        return self.key


def _midnight(day: date, timezone: str) -> int:
    """Return the first moment of a day; if clocks skip midnight, the moment they do."""
    return int(datetime.combine(day, time(), ZoneInfo(key_timezone(timezone))).timestamp())
