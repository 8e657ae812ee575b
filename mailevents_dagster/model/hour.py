"""Hour: a window of time, its partition key and its stamp in file names. Pure values; the clock is passed in.

Hours are real hours, 3,600 seconds each, whatever the clocks on the wall do. Their keys are the ones Dagster gives
the partitions of an hourly definition, so that a key can be turned into a window, and back, without Dagster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

SECONDS: Final = 3600
KEY_FORMAT: Final = "%Y-%m-%d-%H:%M"


@dataclass(frozen=True, order=True, slots=True)
class Hour:
    """The half-open window `[start, end)` of one partition, named in a time zone."""

    start: int
    """Unix seconds."""
    timezone: str

    @classmethod
    def containing(cls, time: float, timezone: str) -> Hour:
        offset = _offset(int(time // 1), key_timezone(timezone))
        return cls(int((time + offset) // SECONDS) * SECONDS - offset, timezone)

    @classmethod
    def from_key(cls, key: str, timezone: str) -> Hour:
        """Return the hour of a partition key; ValueError where the key names no hour of this time zone."""
        offset = "%z" if len(key) > len("2026-01-01-00:00") else ""
        local = datetime.strptime(key, KEY_FORMAT + offset)  # noqa: DTZ007 - keys without an offset are local
        if not offset:
            local = local.replace(tzinfo=ZoneInfo(key_timezone(timezone)))
        hour = cls(int(local.timestamp()), timezone)
        if hour.key != key or cls.containing(hour.start, timezone) != hour:
            raise ValueError(f"{key!r} is no hour in {timezone}: the clock does not show it, or it starts no hour")
        return hour

    @property
    def end(self) -> int:
        return self.start + SECONDS

    def holds(self, time: float) -> bool:
        return self.start <= time < self.end

    @property
    def next(self) -> Hour:
        return Hour(self.end, self.timezone)

    @property
    def previous(self) -> Hour:
        return Hour(self.start - SECONDS, self.timezone)

    @property
    def key(self) -> str:
        """The partition key; the second of two hours that the clock shows alike carries its UTC offset."""
        local = datetime.fromtimestamp(self.start, ZoneInfo(key_timezone(self.timezone)))
        return local.strftime(KEY_FORMAT + ("%z" if local.fold else ""))

    def stamp(self, pattern: str) -> str:
        """Return the pattern (strftime) in local time; with %H, the second of two hours named alike gets its offset."""
        local = datetime.fromtimestamp(self.start, ZoneInfo(self.timezone))
        return local.strftime(pattern + ("%z" if "%H" in pattern and local.fold else ""))

    def __str__(self) -> str:
        return self.key


def hours_between(start: float, end: float, timezone: str) -> Iterator[Hour]:
    """Yield every hour that lies wholly in `[start, end)`, oldest first."""
    hour = Hour.containing(start, timezone)
    if hour.start < start:
        hour = hour.next
    while hour.end <= end:
        yield hour
        hour = hour.next


def last_ended(now: float, timezone: str) -> Hour:
    """Return the newest hour that is over."""
    return Hour.containing(now, timezone).previous


@cache
def key_timezone(timezone: str) -> str:
    """Return the time zone of partition keys: the configured one, or UTC where its clock ever moves by part of an hour.

    Dagster steps hourly partitions by 3,600 seconds and looks for the next full hour of the wall clock when it is
    given a key. Where a clock moves by half an hour (Australia/Lord_Howe, the only such zone since 2019) the two
    disagree, and half an hour a year would belong to no partition.
    """
    first, last, week = datetime(2019, 1, 1, tzinfo=UTC), datetime(2037, 1, 1, tzinfo=UTC), 7 * 86_400
    weeks = range(int(first.timestamp()), int(last.timestamp()), week)
    fractions = {_offset(time, timezone) % SECONDS for time in weeks}
    return timezone if len(fractions) == 1 else "UTC"


def _offset(time: int, timezone: str) -> int:
    local = datetime.fromtimestamp(time, ZoneInfo(timezone))
    return int(local.replace(tzinfo=UTC).timestamp()) - time
