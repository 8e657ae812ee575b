"""This machine's clock differs from the API's, or jumps: what is due goes by the API's, and nothing starves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from mailevents_dagster.collecting.planning import (
    FeedState,
    UnderWay,
    closing_end,
    hours_to_follow,
    plan,
    refused_hour,
    wanted_from,
)
from mailevents_dagster.collecting.retries import waits_until
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursors import Cursor, gaps, hours_in
from mailevents_dagster_tests.collecting.planned import RULES, hours_of, manifest_of
from mailevents_dagster_tests.conftest import INCOMING, START

IDLE = UnderWay()
HOLD = feed_of("example.com", "quarantine/hold")
LOOK = 300
BEGAN = START - 360 * SECONDS


def looks(number: int, ahead: Callable[[int], float]) -> tuple[Cursor, float]:
    """What a feed with 360 hours behind has after so many looks, and the API's time; `ahead` is of this machine."""
    cursor = Cursor()
    for look in range(number):
        true = START + 900.0 + look * LOOK
        ours = true + ahead(look)

        def collect(cursor: Cursor, hour: Hour, true: float = true, ours: float = ours) -> Cursor:
            closed = true >= hour.end + RULES.settle_seconds
            manifest = manifest_of(INCOMING, hour, closed=closed, listed_at=true)
            return cursor.committed(manifest, ours, true - ours)

        state = FeedState(INCOMING, BEGAN, cursor)
        for hour in hours_to_follow(state.start, state.source_time(ours), RULES):
            cursor = collect(cursor, hour)
        for ask in plan([state], IDLE, ours, RULES).asks:
            for hour in hours_of((ask.first, ask.end), "UTC"):
                cursor = collect(cursor, hour)
    return cursor, START + 900.0 + (number - 1) * LOOK


@pytest.mark.parametrize("minutes", [60, 300, 100 * 24 * 60, -60, -300, 0])
def test_a_clock_that_is_wrong_by_any_time_leaves_no_hour_behind(minutes: int) -> None:
    cursor, true = looks(400, lambda _: minutes * 60.0)
    assert list(gaps((BEGAN, closing_end(true, RULES)), cursor.closed)) == []
    assert cursor.closed[-1][1] <= true, "and none is closed before it is over"


def test_a_clock_that_jumps_to_and_fro_leaves_no_hour_behind() -> None:
    jumps = [0.0, 3600.0, -3600.0, 5 * 3600.0, 0.0, 86_400.0, -7200.0, 90.0]
    cursor, true = looks(400, lambda look: jumps[look // 7 % len(jumps)])
    missing = hours_in(gaps((BEGAN, closing_end(true, RULES)), cursor.closed))
    assert missing <= 1, "the newest may have been due in the look in which the clock jumped"


def test_a_difference_of_seconds_moves_nothing() -> None:
    for clock in (-59.0, 59.0):
        state = FeedState(INCOMING, BEGAN, Cursor(clock=clock))
        assert state.source_time(START + 900.0) == START + 900.0
        assert plan([state], IDLE, START + 900, RULES).asks[0].end == START


def test_feeds_of_different_apis_go_each_by_its_own_clock() -> None:
    behind = FeedState(INCOMING, START - 2 * SECONDS, Cursor(clock=-3600.0))
    right = FeedState(feed_of("b.example", "authentication"), START - 2 * SECONDS, Cursor())
    made = plan([behind, right], IDLE, START + 900, RULES)
    assert {ask.feeds[0]: ask.end for ask in made.asks} == {INCOMING: START - SECONDS, right.feed: START}
    assert made.next_due == START + 600 + SECONDS


def test_how_far_back_an_api_is_asked_goes_by_its_clock() -> None:
    state = FeedState(HOLD, START - 30 * 86_400, Cursor(clock=-86_400.0))
    assert wanted_from(state, START, RULES) == START - 7 * 86_400


# --- told to wait


def test_a_feed_that_was_told_to_wait_is_left_alone_until_then_and_no_longer() -> None:
    told = START + 7200.0
    cursor = Cursor().begun(Hour(START, "UTC"), START).ended(Hour(START, "UTC"), START + 1, "rate", "", told)
    state = FeedState(INCOMING, BEGAN, cursor)

    for now in (START + 301, START + 3600, told - 1):
        made = plan([state], IDLE, now, RULES)
        assert (made.waiting, made.asks, made.follow) == ({INCOMING: told}, (), ())
    made = plan([state], IDLE, told, RULES)
    assert made.waiting == {}
    assert made.asks[0].end == START + SECONDS, "that very hour is due again, too"


def test_a_short_wait_that_was_told_is_not_made_longer_by_earlier_failures() -> None:
    hour, cursor = Hour(START, "UTC"), Cursor()
    for at in range(START, START + 10 * SECONDS, SECONDS):
        cursor = cursor.begun(hour, at).ended(hour, at, "server", "")
    cursor = cursor.begun(hour, START + 11 * SECONDS).ended(
        hour, START + 11 * SECONDS, "rate", "", START + 11 * SECONDS + 20.0
    )
    assert waits_until(cursor, START + 11 * SECONDS) == START + 11 * SECONDS + 20


def test_of_several_feeds_those_wait_that_were_told() -> None:
    told = Cursor().ended(Hour(START, "UTC"), START, "rate", "", START + 9000.0)
    others = feed_of("example.com", "authentication")
    made = plan([FeedState(INCOMING, BEGAN, told), FeedState(others, BEGAN, Cursor())], IDLE, START + 4000, RULES)
    assert (set(made.waiting), made.follow) == ({INCOMING}, (others,))


def test_failures_noted_by_a_clock_that_was_set_back_since_hold_up_nothing() -> None:
    hour, later = Hour(START, "UTC"), START + 100 * 86_400
    for until in (None, later + 7200.0):
        failed = Cursor().begun(hour, later).ended(hour, later, "permission", "", until)
        made = plan([FeedState(INCOMING, BEGAN, failed)], IDLE, START + 4500, RULES)
        assert made.waiting == {}
        assert made.asks[0].end == START + SECONDS


def test_a_refusal_noted_by_a_clock_that_was_set_back_since_is_asked_again() -> None:
    gone = Cursor().gone(Hour(START - 10 * SECONDS, "UTC"), START)
    late = replace(gone, refused=replace(gone.refused, at=START + 100.0 * 86_400))  # type: ignore[type-var]
    [again] = refused_hour(FeedState(INCOMING, BEGAN, late), START + 900, RULES)
    assert again.start < START - 9 * SECONDS
