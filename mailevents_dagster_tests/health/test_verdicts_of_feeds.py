"""What is said of feeds: values in, verdicts out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from mailevents_dagster.collecting.pace import Pace
from mailevents_dagster.health.status import FeedStatus
from mailevents_dagster.health.verdicts import (
    Verdict,
    current,
    keeping_up,
    published,
)
from mailevents_dagster.model.event import Gap
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import INCOMING, NOON

GAP = Gap(NOON.start + 100, 1001)
LOST = Gap(NOON.start, 0, NOON.start + 60, "the log begins there")


def status(**changes: Any) -> FeedStatus:
    good = FeedStatus(
        feed=str(INCOMING),
        closed_until=hour_of(5).key,
        lag_seconds=900,
        last_collected=None,
        at_work=None,
        closed_hours=6,
        missing_hours=0,
        gaps=[],
        forgotten_hours=0,
        failing_hours=0,
        last_failure=None,
        readable=True,
    )
    return replace(good, **changes)


@pytest.mark.parametrize(
    ("changes", "passed", "is_error"),
    [
        ({}, True, False),
        ({"waiting": 3, "waiting_seconds": 60}, True, False),
        ({"waiting": 3, "waiting_seconds": 6000, "is_late": True}, False, True),
        ({"set_aside": 1}, False, False),
    ],
)
def test_what_waits_too_long_is_an_error_and_what_never_goes_a_warning(
    changes: dict[str, Any], passed: bool, is_error: bool
) -> None:
    verdict = published(status(**changes))

    assert (verdict.passed, verdict.is_error) == (passed, is_error)


def test_a_feed_that_has_all_its_hours_is_current() -> None:
    assert current(status(), hour_of(5).key).passed


def test_a_feed_that_lacks_its_newest_hour_is_an_error_whatever_else_was_collected() -> None:
    verdict = current(status(gaps=[(hour_of(4).key, hour_of(5).key)], missing_hours=2), hour_of(5).key)

    assert (verdict.passed, verdict.is_error) == (False, True)
    assert verdict.hours == [f"{hour_of(4).key} to {hour_of(5).key}"]
    assert f"{hour_of(5).key}, the newest hour that should be closed, is not" in verdict.said


def test_older_gaps_are_named_the_newest_first_and_are_a_warning() -> None:
    gaps = [(hour_of(0).key, hour_of(0).key), (hour_of(2).key, hour_of(3).key)]
    verdict = current(status(gaps=gaps, missing_hours=3), hour_of(5).key)

    assert (verdict.passed, verdict.is_error) == (False, False)
    assert verdict.hours == [f"{hour_of(2).key} to {hour_of(3).key}", hour_of(0).key]
    assert verdict.numbers["hours_missing"] == 3


def test_a_failure_is_told_by_its_cause_and_not_by_what_it_said() -> None:
    verdict = current(status(failing_hours=1, last_failure="timeout: /logs/mail/Q1 of ali@example.com"), None)

    assert "1 hours fail, the last with timeout" in verdict.said
    assert "ali" not in verdict.said


def test_a_feed_whose_first_hour_is_not_due_yet_passes() -> None:
    verdict = current(status(closed_until=None, closed_hours=0, lag_seconds=None), hour_of(5).key)

    assert verdict.passed
    assert "No hour is due yet" in verdict.said


def test_a_cursor_that_cannot_be_read_is_an_error() -> None:
    assert current(status(readable=False), hour_of(5).key).is_error


@pytest.mark.parametrize(
    ("pace", "passes"),
    [(None, True), (Pace(1.0, 10.0, 5.0), True), (Pace(11.0, 10.0, 0.0), False), (Pace(9.0, 10.0, 1e6), False)],
)
def test_an_account_keeps_up_where_it_is_allowed_more_calls_than_it_needs(pace: Pace | None, *, passes: bool) -> None:
    verdict: Verdict = keeping_up("example.com", pace)

    assert (verdict.passed, verdict.is_error) == (passes, False)
    if pace:
        assert verdict.numbers["calls_needed_per_second"] == pace.arriving
