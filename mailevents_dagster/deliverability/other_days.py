"""What a part has stored of other days: a report that counts on one of them does not count on another."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from mailevents_dagster.deliverability.part import Work
from mailevents_dagster.model.day import Day

DAYS: Final = 400
"""Days before and after that are looked at."""


def other_days(work: Work, part: str) -> Iterator[tuple[int, pa.Table]]:
    """Yield what is stored of other days, earlier and later ones, each with how many days it lies before this one."""
    zone = ZoneInfo(work.day.timezone)
    first = datetime.fromtimestamp(work.settings.start, zone).date()
    today = datetime.fromtimestamp(time.time(), zone).date()  # no later day can have been made
    day = max(first, work.day.date - timedelta(days=DAYS))
    while day <= min(today, work.day.date + timedelta(days=DAYS)):
        if day != work.day.date and (rows := work.stored(part, Day(day, work.day.timezone))) is not None:
            yield (work.day.date - day).days, rows
        day += timedelta(days=1)
