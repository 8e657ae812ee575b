"""Hours are asked for once and under Dagster's own keys, also where clocks are put forward and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from mailevents_dagster.collecting.planning import Ask, FeedState, UnderWay, closing_end, hours_to_follow, plan
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.orchestration.assets import hourly_partitions
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster_tests.collecting.planned import RULES, executed
from mailevents_dagster_tests.conftest import INCOMING

WEEKS = [
    ("UTC", "2024-12-28"),
    ("Europe/Istanbul", "2015-11-05"),
    ("Europe/Istanbul", "2016-03-24"),
    ("America/New_York", "2024-03-07"),
    ("America/New_York", "2024-10-31"),
    ("Australia/Lord_Howe", "2024-04-04"),
    ("Australia/Lord_Howe", "2024-10-03"),
]


def keys_of(ask: Ask, partitions: dg.HourlyPartitionsDefinition, zone: str) -> Sequence[str]:
    """The partitions that Dagster makes of what is asked for."""
    first, last = Hour(ask.first, zone).key, Hour(ask.end - SECONDS, zone).key
    keys = partitions.get_partition_keys_in_range(dg.PartitionKeyRange(first, last))
    windows = [partitions.time_window_for_partition_key(key) for key in keys]
    assert (windows[0].start.timestamp(), windows[-1].end.timestamp()) == (ask.first, ask.end)
    assert (keys[0], keys[-1], len(keys)) == (first, last, (ask.end - ask.first) // SECONDS)
    return keys


@pytest.mark.parametrize(("zone", "day"), WEEKS)
@pytest.mark.parametrize("outage", [(0, 0), (500, 1100)])
def test_each_hour_of_a_week_is_asked_for_once_whatever_the_clocks_do(
    zone: str, day: str, outage: tuple[int, int]
) -> None:
    begins = int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp())
    start = Hour.containing(begins, zone).start
    partitions, rules = hourly_partitions(start, zone), replace(RULES, timezone=zone)
    cursor, counted = Cursor(), Counter[int]()
    keys: list[str] = []
    for now in (begins + 17 + number * 300 for number in range(7 * 288) if number not in range(*outage)):
        for ask in plan([FeedState(INCOMING, start, cursor)], UnderWay(), now, rules).asks:
            cursor = executed(cursor, ask, INCOMING)
            counted.update(range(ask.first, ask.end, SECONDS))
            keys += keys_of(ask, partitions, zone)
    assert counted == Counter(range(start, closing_end(now, rules), SECONDS))
    assert len(set(keys)) == len(keys) == len(counted)
    assert cursor.closed == ((start, closing_end(now, rules)),)


@pytest.mark.parametrize(("zone", "day"), WEEKS)
def test_the_hours_followed_join_those_that_are_closed(zone: str, day: str) -> None:
    begins = int(datetime.fromisoformat(day).replace(tzinfo=ZoneInfo(zone)).timestamp())
    rules = replace(RULES, timezone=zone, grace_seconds=0)
    for now in range(begins, begins + 7 * 86_400, 300):
        hours = hours_to_follow(0, now, rules)
        assert hours[0].start == closing_end(now, rules)
        assert all(one.end == other.start for one, other in pairwise(hours))
        assert hours[-1].holds(now)
