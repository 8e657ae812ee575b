"""What a run goes on with: what else is due of its feeds, nothing twice, nothing that failed, and not for ever."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from mailevents_dagster.collecting import going_on as module
from mailevents_dagster.collecting.going_on import GoingOn, next_hours
from mailevents_dagster.collecting.outcomes import Task
from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.cursors import Cursor, Failure
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.planned import RULES, manifest_of
from mailevents_dagster_tests.collecting.states import HELD, NOW, ago, failed_once, span, state
from mailevents_dagster_tests.conftest import INCOMING, START

SETTINGS = """
timezone: UTC
start: {start}
storage: ./data
collect: {{hours_per_run: 3}}
accounts:
  - {{domain: a.example, api_key: "${{KEY_OF_TEST}}", feeds: [mail/incominglog, authentication]}}
  - {{domain: b.example, api_key: "${{KEY_OF_TEST}}", feeds: [authentication]}}
"""
MAIL, SIGN_INS = feed_of("a.example", "mail/incominglog"), feed_of("a.example", "authentication")


def hours(given: FeedState, been_through: list[int] | None = None) -> list[float]:
    """In hours before noon."""
    found = next_hours(given, been_through or [], NOW, replace(RULES, hours_per_run=3))
    return [(START - hour.start) / SECONDS for hour in found]


def test_a_run_goes_on_with_the_newest_hours_that_are_due() -> None:
    assert hours(state(hours=10)) == [3, 2, 1]
    assert hours(state(hours=10, closed=[span(3, 0)])) == [6, 5, 4]
    assert hours(state(hours=2)) == [2, 1]
    assert hours(state(hours=10, closed=[span(10, 0)])) == []
    assert hours(FeedState(INCOMING, ago(10), None)) == []


def test_what_the_source_forgets_soon_goes_first() -> None:
    assert hours(state(HELD, 24 * 6, [span(3, 0)])) == [143, 142, 141]


def test_hours_that_the_run_has_been_through_are_not_collected_again_though_they_did_not_close() -> None:
    assert hours(state(hours=10), [ago(3), ago(2), ago(1)]) == [6, 5, 4]
    assert hours(state(hours=3), [ago(3), ago(2), ago(1)]) == []


def test_an_hour_that_failed_is_left_to_a_run_of_its_own_which_shows_it_as_failed() -> None:
    long_ago = {ago(2): failed_once(NOW - 86_400.0)}
    assert hours(state(hours=3, failed=long_ago)) == [1]
    assert hours(state(hours=3, closed=[span(3, 0)], failed=long_ago)) == []


def test_a_feed_that_waits_after_a_failure_is_left_alone() -> None:
    waiting = state(hours=10, failed={ago(9): failed_once(NOW - 1)}, failures_in_a_row=1)
    assert hours(waiting) == []


def test_an_hour_that_is_just_being_committed_holds_nothing_up() -> None:
    under_way = {ago(1): Failure(1, NOW - 1, "unfinished", "")}
    assert hours(state(hours=4, failed=under_way, failures_in_a_row=1), [ago(1)]) == [4, 3, 2]


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("KEY_OF_TEST", "distinctive-4e1f-key")
    path = tmp_path / "mailevents.yaml"
    start = Hour(ago(10), "UTC")
    path.write_text(SETTINGS.format(start=start.stamp("%Y-%m-%dT%H:%M")))
    return load_settings(path)


@pytest.fixture
def store(settings: Settings) -> Store:
    return store_of(settings)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    clock = SimpleNamespace(passed=0.0)
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: NOW, monotonic=lambda: clock.passed))
    return clock  # type: ignore[return-value]


def close(store: Store, task: Task) -> None:
    def closed(cursor: Cursor) -> Cursor:
        for hour in task.hours:
            cursor = cursor.committed(manifest_of(task.feed, hour), NOW)
        return cursor

    store.feed_cursor(task.feed).change_if_whole(closed)


def shown(tasks: object) -> dict[Feed, list[float]]:
    return {task.feed: [(START - hour.start) / SECONDS for hour in task.hours] for task in tasks}  # type: ignore[attr-defined]


def asked(first: float, end: float) -> list[Hour]:
    return list(hours_between(ago(first), ago(end), "UTC"))


def test_the_feeds_of_a_lane_go_on_until_nothing_of_them_is_due(
    settings: Settings, store: Store, clock: SimpleNamespace
) -> None:
    tasks = [Task(feed, asked(3, 0)) for feed in (MAIL, SIGN_INS)]
    going_on = GoingOn(settings, store, tasks, 10, lambda _: True)
    close(store, tasks[0])

    assert shown(going_on({MAIL, SIGN_INS})) == {MAIL: [6, 5, 4], SIGN_INS: [6, 5, 4]}, "though one did not close"
    assert shown(going_on({MAIL})) == {MAIL: [9, 8, 7]}
    assert shown(going_on({MAIL, SIGN_INS})) == {MAIL: [10], SIGN_INS: [9, 8, 7]}
    assert shown(going_on({MAIL, SIGN_INS})) == {SIGN_INS: [10]}
    assert going_on({MAIL, SIGN_INS}) == []


def test_after_so_many_minutes_or_hours_or_where_others_wait_it_ends(
    settings: Settings, store: Store, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    others_wait: list[bool] = []
    going_on = GoingOn(settings, store, [Task(MAIL, asked(1, 0))], 10, lambda feeds: feeds != {MAIL} or not others_wait)
    assert shown(going_on({MAIL})) == {MAIL: [4, 3, 2]}

    others_wait.append(True)
    assert going_on({MAIL}) == []
    others_wait.clear()
    monkeypatch.setattr(module, "MOST_HOURS", 4)
    assert going_on({MAIL}) == []
    monkeypatch.setattr(module, "MOST_HOURS", 5)
    clock.passed = 600.0
    assert going_on({MAIL}) == []
    clock.passed = 599.0
    assert shown(going_on({MAIL})) == {MAIL: [7, 6, 5]}
