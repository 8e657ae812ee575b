"""Which hours of which feeds are due, and in which runs they are asked for."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailevents_dagster.collecting.planning import (
    Ask,
    FeedState,
    Plan,
    UnderWay,
    closing_end,
    hours_to_follow,
    plan,
)
from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursors import Cursor, Span, gaps
from mailevents_dagster_tests.collecting.planned import RULES, executed
from mailevents_dagster_tests.collecting.states import (
    HELD,
    IDLE,
    NAMES,
    NOW,
    ago,
    asked,
    feeds_of,
    span,
    state,
)
from mailevents_dagster_tests.conftest import INCOMING, NOON, START

# --- what is due


def test_where_all_but_the_newest_hour_is_closed_one_run_has_that_hour_of_all_feeds() -> None:
    feeds = feeds_of(20)
    made = plan([state(feed, 48, [span(48, 1)]) for feed in feeds], IDLE, NOW, RULES)
    assert made == Plan((Ask(ago(1), START, tuple(feeds)),), (), tuple(feeds), {}, 0, 0, 0, NOW + SECONDS)


def test_an_hour_is_due_at_the_very_second_at_which_it_has_settled() -> None:
    states = [state(closed=[span(48, 1)])]
    assert plan(states, IDLE, NOW - 0.001, RULES).asks == ()
    assert plan(states, IDLE, NOW - 0.001, RULES).next_due == NOW
    assert plan(states, IDLE, NOW, RULES).asks == (Ask(ago(1), START, (INCOMING,)),)


@pytest.mark.parametrize(
    ("now", "settle", "grace", "end"),
    [
        (START + 900, 600, 300, START),
        (START + 899, 600, 300, ago(1)),
        (START + 3599.9, 0, 3600, ago(1)),
        (START, 0, 0, START),
        (START + 0.5, 86_400, 0, ago(24)),
    ],
)
def test_closing_ends_where_hours_are_not_settled(now: float, settle: int, grace: int, end: int) -> None:
    assert closing_end(now, replace(RULES, settle_seconds=settle, grace_seconds=grace)) == end


@pytest.mark.parametrize(
    ("now", "settle", "hours"),
    [
        (START, 600, [1, 0]),
        (START + 599.9, 600, [1, 0]),
        (START + 600, 600, [0]),
        (START + 3599.9, 600, [0]),
        (START, 0, [0]),
        (START + 60, 3 * SECONDS, [3, 2, 1, 0]),
    ],
)
def test_the_hour_now_running_and_those_not_settled_are_followed(now: float, settle: int, hours: list[int]) -> None:
    rules = replace(RULES, settle_seconds=settle)
    assert [(START - hour.start) / SECONDS for hour in hours_to_follow(0, now, rules)] == hours
    assert hours_to_follow(START, now, rules) == [NOON]
    assert hours_to_follow(START + SECONDS, now, rules) == []


@pytest.mark.parametrize(
    ("covered", "left"),
    [
        ([], [(0, 10)]),
        ([(0, 10)], []),
        ([(-5, 20)], []),
        ([(0, 3), (7, 10)], [(3, 7)]),
        ([(3, 7)], [(0, 3), (7, 10)]),
        ([(-9, -5), (-2, 1), (4, 5), (9, 12), (20, 30)], [(1, 4), (5, 9)]),
        ([(10, 12)], [(0, 10)]),
    ],
)
def test_gaps_are_what_is_not_covered(covered: list[Span], left: list[Span]) -> None:
    assert list(gaps((0, 10), covered)) == left
    assert list(gaps((10, 10), covered)) == list(gaps((11, 3), covered)) == []


def test_before_a_feed_begins_nothing_is_due() -> None:
    made = plan([FeedState(INCOMING, START + 5 * SECONDS, Cursor())], IDLE, NOW, RULES)
    assert (made.asks, made.behind, made.forgotten) == ((), 0, 0)


def test_an_account_that_begins_later_is_asked_for_from_there_on() -> None:
    late = feed_of("late.example", "authentication")
    made = plan([state(hours=10), state(late, 3)], IDLE, NOW, RULES)
    assert made.asks == (Ask(ago(10), START, (INCOMING,)), Ask(ago(3), START, (late,)))


def test_a_feed_that_begins_later_than_its_account_is_asked_for_from_there_on() -> None:
    made = plan([state(HELD, 24 * 10, first=ago(5)), state(hours=10, first=ago(5))], IDLE, NOW, RULES)
    assert made.asks == (Ask(ago(5), START, (HELD, INCOMING)),)
    assert (made.behind, made.forgotten) == (0, 0)
    assert state(hours=10, first=ago(20)).start == state(hours=10).start == ago(10)


def test_hours_from_before_a_feed_begins_stay_closed_and_those_between_them_are_not_missing() -> None:
    kept = state(HELD, 24 * 10, [span(24 * 9, 24 * 8), span(30, 20), span(5, 0)], first=ago(5))
    made = plan([kept], IDLE, NOW, RULES)
    assert (made.asks, made.behind, made.forgotten) == ((), 0, 0)
    assert hours_to_follow(replace(kept, cursor=Cursor(first=NOON.end)).start, NOW, RULES) == []


def test_gaps_are_caught_up_with_for_so_many_days_and_what_lies_before_is_not_called_forgotten() -> None:
    made = plan([state(hours=24 * 9)], IDLE, NOW, replace(RULES, catch_up_days=2, hours_per_run=100))
    assert asked(made) == [(47, 0, 1)]
    assert (made.behind, made.forgotten) == (0, 0)


@pytest.mark.parametrize(("kept_days", "hours_ago"), [(None, 24 * 9), (20, 24 * 9), (9, 24 * 9 - 1), (2, 47), (1, 23)])
def test_hours_that_retention_would_destroy_are_neither_asked_for_nor_called_forgotten(
    kept_days: int | None, hours_ago: int
) -> None:
    began = replace(state(hours=24 * 9), kept_days=kept_days)
    made = plan([began], IDLE, NOW, replace(RULES, hours_per_run=1000))
    assert asked(made) == [(hours_ago, 0, 1)]
    assert (made.behind, made.forgotten) == (0, 0)


def test_what_the_api_forgot_counts_as_forgotten_as_far_as_retention_would_have_kept_it() -> None:
    began = state(HELD, 24 * 30)
    assert plan([began], IDLE, NOW, RULES).forgotten == 24 * 24 + 1
    assert plan([replace(began, kept_days=10)], IDLE, NOW, RULES).forgotten == 24 * 4
    assert plan([replace(began, kept_days=3)], IDLE, NOW, RULES).forgotten == 0


# --- runs


def test_three_days_of_a_hundred_feeds_begin_with_the_newest_day_in_four_runs_of_whole_accounts() -> None:
    feeds = feeds_of(20)
    made = plan([state(feed, 72) for feed in feeds], IDLE, NOW, RULES)
    assert asked(made) == [(24, 0, 25)] * 4
    assert sorted(feed for ask in made.asks for feed in ask.feeds) == sorted(feeds)
    accounts = [{feed.domain for feed in ask.feeds} for ask in made.asks]
    assert [len(some) for some in accounts] == [5] * 4
    assert len(set.union(*accounts)) == 20
    assert made.behind == 48 * 100


@pytest.mark.parametrize(
    ("domains", "hours", "runs"),
    [(1, 24, 1), (2, 24, 1), (3, 24, 2), (10, 24, 4), (10, 5, 1), (50, 1, 1), (51, 1, 2), (160, 1, 4), (1, 100, 1)],
)
def test_there_are_as_many_runs_as_the_work_is_worth(domains: int, hours: int, runs: int) -> None:
    feeds = feeds_of(domains)
    made = plan([state(feed, hours) for feed in feeds], IDLE, NOW, RULES)
    assert len(made.asks) == runs
    assert sorted(feed for ask in made.asks for feed in ask.feeds) == sorted(feeds)
    sizes = [len(ask.feeds) for ask in made.asks]
    assert max(sizes) - min(sizes) <= len(NAMES)


@pytest.mark.parametrize(("going_on", "runs"), [(0, 4), (1, 3), (3, 1), (4, 0), (5, 0)])
def test_no_more_runs_go_on_than_allowed(going_on: int, runs: int) -> None:
    made = plan([state(feed, 72) for feed in feeds_of(20)], UnderWay(runs=going_on), NOW, RULES)
    assert len(made.asks) == runs
    assert sum(len(ask.feeds) for ask in made.asks) == (100 if runs else 0)
    assert made.behind == 7200 - (2400 if runs else 100), "the newest hour is not kept waiting"


def test_an_hour_that_has_just_settled_does_not_wait_for_the_runs_that_catch_up() -> None:
    late, current, others = feed_of("late.example", "authentication"), INCOMING, UnderWay(runs=4)
    states = [state(late, 72), state(current, 72, [span(72, 1)]), state(HELD, 72, [span(72, 0)])]

    made = plan(states, others, NOW, RULES)

    assert (made.asks, made.closing) == ((), (Ask(ago(1), START, (current, late)),))
    assert made.behind == 71
    assert plan(states, UnderWay(runs=3), NOW, RULES).closing == (Ask(ago(1), START, (current,)),)
    assert plan(states, UnderWay(runs=2), NOW, RULES).closing == ()


def test_gaps_are_filled_newest_first_and_stay_gaps_until_they_are() -> None:
    cursor = Cursor((span(90, 80), span(20, 10), span(2, 1)))
    order = []
    while made := plan([FeedState(INCOMING, ago(100), cursor)], IDLE, NOW, RULES).asks:
        assert plan([FeedState(INCOMING, ago(100), cursor)], IDLE, NOW + 60, RULES).asks == made
        (ask,) = made
        order.append(((START - ask.first) / SECONDS, (START - ask.end) / SECONDS))
        cursor = executed(cursor, ask, INCOMING)
    assert order == [(1, 0), (10, 2), (44, 20), (68, 44), (80, 68), (100, 90)]
    assert cursor.closed == (span(100, 0),)


def test_of_different_gaps_the_newest_go_first() -> None:
    old, new = (feed_of(f"{name}.example", "authentication") for name in ("old", "new"))
    states = [state(old, closed=[span(30, 0)]), state(new, closed=[span(48, 9), span(3, 0)])]
    made = plan(states, IDLE, NOW, replace(RULES, max_parallel_runs=1))
    assert made.asks == (Ask(ago(9), ago(3), (new,)),)
    assert made.behind == 18


def test_feeds_of_runs_under_way_are_left_alone_and_followed() -> None:
    other = feed_of("other.example", "authentication")
    made = plan([state(hours=5), state(other, 5)], UnderWay(held=frozenset([INCOMING])), NOW, RULES)
    assert made.asks == (Ask(ago(5), START, (other,)),)
    assert (made.held, made.behind, made.follow) == (1, 5, (INCOMING, other))


def test_hours_that_somebody_asked_for_are_left_to_them() -> None:
    under_way = UnderWay(backfills={INCOMING: [span(30, 20), span(22, 8), span(1, 0)]})
    assert asked(plan([state(hours=40)], under_way, NOW, RULES)) == [(8, 1, 1)]
    assert asked(plan([state(hours=40, closed=[span(8, 1)])], under_way, NOW, RULES)) == [(40, 30, 1)]


def test_a_feed_whose_cursor_cannot_be_read_is_followed_and_not_caught_up_with() -> None:
    made = plan([FeedState(INCOMING, ago(50), None)], IDLE, NOW, RULES)
    assert (made.asks, made.behind, made.forgotten, made.follow) == ((), 0, 0, (INCOMING,))
