"""To which hour an event belongs."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.webhook.placing import LATEST, Placing, reach_of
from mailevents_dagster_tests.sources.webhook.places import NOON

DAY = 86_400
PLACING = Placing("UTC", NOON.start - 30 * DAY)


@pytest.mark.parametrize(
    ("own", "hours"),
    [
        (0.0, 0),
        (-0.1, -1),
        (-7 * DAY, -7 * 24),
        (-7 * DAY - 1, 0),
        (299.0, 0),
        (301.0, 0),
        (3600.0, 0),
        (None, 0),
        (float("inf"), 0),
        (float("nan"), 0),
    ],
    ids=str,
)
def test_an_event_belongs_to_the_hour_of_its_own_time_where_that_is_near(own: float | None, hours: int) -> None:
    time = None if own is None else NOON.start + own
    assert PLACING.hour_of(time, NOON.start) == NOON.start + hours * 3600


def test_clocks_that_are_ahead_a_little_are_believed() -> None:
    assert PLACING.hour_of(NOON.end + 1.0, NOON.end - 1.0) == NOON.end


def test_no_event_belongs_to_an_hour_before_the_first() -> None:
    assert Placing("UTC", NOON.start).hour_of(NOON.start - 1.0, NOON.start + 5.0) == NOON.start


def test_late_events_stay_within_what_is_caught_up_and_kept() -> None:
    assert reach_of(None, None) == LATEST
    assert reach_of(3, None) == 3 * DAY - 7200
    assert reach_of(30, 4) == 3 * DAY
    assert reach_of(0, 1) == 0
