"""Planning around what fails and what the API forgets: others go on, and hours in a hurry go first."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from mailevents_dagster.collecting import planning
from mailevents_dagster.collecting.planning import (
    Ask,
    FeedState,
    UnderWay,
    plan,
)
from mailevents_dagster.collecting.retries import REFUSED, waits_until
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.errors import Cause
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursors import Cursor, Failure
from mailevents_dagster_tests.collecting.planned import RULES, manifest_of
from mailevents_dagster_tests.collecting.states import HELD, IDLE, NOW, ago, asked, failed_once, feeds_of, span, state
from mailevents_dagster_tests.conftest import INCOMING, NOON, START

# --- failures


@pytest.mark.parametrize(
    ("cause", "minutes"),
    [
        ("server", [5, 10, 20, 40, 80, 160, 320, 360, 360]),
        ("permission", [60, 120, 240, 480, 960, 1440, 1440]),
    ],
)
def test_a_feed_that_keeps_failing_waits_longer_each_time(cause: str, minutes: list[int]) -> None:
    cursor, at = Cursor(), float(START)
    for wait in minutes:
        cursor = cursor.begun(NOON, at).ended(NOON, at + 7, cause, "")
        assert waits_until(cursor, at + 7) == at + 7 + wait * 60
        at += wait * 60
    assert waits_until(cursor.committed(manifest_of(INCOMING, NOON), at), at) == 0


def test_a_feed_that_never_ends_well_waits_no_longer_than_the_longest_wait() -> None:
    cursor = Cursor(failed={START: Failure(10**9, 7.0, "server", "")}, failures_in_a_row=10**9)
    assert waits_until(cursor, 7) == 7 + 6 * 3600


def test_a_collection_that_may_be_going_on_in_a_follow_run_is_no_failure_yet() -> None:
    begun = Cursor().begun(NOON, START + 60)
    assert waits_until(begun, START + 60, is_followed=True) == 0
    assert waits_until(begun, START + 60) == START + 360
    assert waits_until(None, START) == waits_until(Cursor(), START) == 0


def test_feeds_that_keep_failing_do_not_hold_back_others() -> None:
    failing = [
        replace(one, cursor=Cursor().begun(NOON, NOW - 10).ended(NOON, NOW - 9, "permission", ""))
        for one in (state(feed, 24) for feed in feeds_of(10))
    ]
    made = plan([*failing, state(hours=24)], IDLE, NOW, RULES)
    assert made.asks == (Ask(ago(24), START, (INCOMING,)),)
    assert (made.follow, set(made.waiting.values())) == ((INCOMING,), {NOW - 9 + 3600})
    later = plan([*failing, state(hours=24)], IDLE, NOW - 9 + 3600, RULES)
    assert (len(later.follow), later.waiting) == (51, {})


def test_a_feed_that_fails_in_a_run_under_way_is_not_said_to_wait() -> None:
    cursor = Cursor().begun(NOON, NOW)
    made = plan([FeedState(INCOMING, ago(5), cursor)], UnderWay(held=frozenset([INCOMING])), NOW, RULES)
    assert (made.waiting, made.follow) == ({}, (INCOMING,))


def test_an_hour_that_fails_on_and_on_lets_the_others_of_its_feed_go_on() -> None:
    poison = state(hours=30, failed={ago(10): failed_once(NOW - 299)})
    assert asked(plan([poison], IDLE, NOW, RULES)) == [(9, 0, 1)]
    assert asked(plan([poison], IDLE, NOW + 1, RULES)) == [(24, 0, 1)]
    again = state(hours=30, closed=[span(30, 10), span(9, -5)], failed={ago(10): replace(failed_once(NOW), times=5)})
    assert plan([again], IDLE, NOW + 80 * 60 - 1, RULES).asks == ()
    assert asked(plan([again], IDLE, NOW + 80 * 60, RULES)) == [(10, 9, 1)]


# --- what the API forgets


def test_hours_that_the_api_forgets_soon_go_first_and_the_oldest_of_them_before_all() -> None:
    quarantine = [feed_of(f"d{number}.example", "quarantine/hold") for number in range(3)]
    states = [
        state(hours=24 * 30),
        state(quarantine[0], 24 * 30, [span(24 * 30, 130), span(122, 0)]),
        state(quarantine[1], 24 * 30, [span(24 * 30, 140), span(125, 0)]),
        state(quarantine[2], 24 * 30, [span(24 * 30, 100)]),
    ]
    made = plan(states, IDLE, NOW, replace(RULES, max_parallel_runs=3))
    assert asked(made) == [(140, 125, 1), (130, 122, 1), (24, 0, 2)]
    assert [ask.feeds[0] for ask in made.asks] == [quarantine[1], quarantine[0], INCOMING]


def test_hours_in_a_hurry_are_asked_for_from_the_oldest_on() -> None:
    made = plan([state(HELD, 24 * 30)], IDLE, NOW, RULES)
    assert asked(made) == [(6 * 24 - 1, 5 * 24 - 1, 1)]


def test_hours_that_the_api_forgot_are_counted_and_not_asked_for() -> None:
    made = plan([state(HELD, 24 * 10, [span(24 * 9, 24 * 8), span(24 * 7, 0)])], IDLE, NOW, RULES)
    assert (made.asks, made.behind, made.forgotten) == ((), 0, 48)
    assert plan([state(hours=24 * 10)], IDLE, NOW, RULES).forgotten == 0


def test_the_hour_at_the_edge_of_what_the_api_has_is_asked_for_while_it_is_whole() -> None:
    states = [state(HELD, 24 * 10, [span(24 * 10, 24 * 6), span(24 * 6 - 1, 0)])]
    assert asked(plan(states, IDLE, START, replace(RULES, settle_seconds=0, grace_seconds=0))) == [(144, 143, 1)]
    later = plan(states, IDLE, START + 0.1, replace(RULES, settle_seconds=0, grace_seconds=0))
    assert (later.asks, later.forgotten) == ((), 1)


# --- effort


def test_a_plan_for_many_feeds_and_a_year_looks_at_spans_and_not_at_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Counter[str]()
    real = Hour.containing

    def containing(time: float, timezone: str) -> Hour:
        looks["hours"] += 1
        return real(time, timezone)

    monkeypatch.setattr(planning.Hour, "containing", containing)
    year = 24 * 365
    states: list[FeedState] = [state(feed, year, [span(year, 1)]) for feed in feeds_of(160)]
    made = plan(states, IDLE, NOW, RULES)
    assert [len(ask.feeds) for ask in made.asks] == [200] * 4
    assert looks["hours"] <= 4 * len(states) + 1


def test_what_only_somebody_can_mend_is_called_as_the_source_calls_it() -> None:
    assert REFUSED == Cause.PERMISSION
