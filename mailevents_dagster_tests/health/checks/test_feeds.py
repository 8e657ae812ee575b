"""Checks of feeds as wholes, in the hourly run."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
from mailevents_dagster_tests.health.checks.checking import HOURS, INCOMING, NEWEST, NOW, SIGN_INS, numbers, verdict
from mailevents_dagster_tests.projects import SETTINGS, Project, project, range_tags, stop_the_clock


def test_the_hourly_run_says_of_every_feed_whether_it_is_current(here: Project) -> None:
    here.materialize([INCOMING], NEWEST)

    assert here.run("check_feeds").success

    for feed in FEED_KINDS:
        found = verdict(here, "current", feed)
        assert (found.passed, found.severity is dg.AssetCheckSeverity.ERROR) == (False, feed != INCOMING)
        assert verdict(here, "keeping_up", feed).passed


def test_a_feed_that_has_all_hours_is_current_until_the_next_one_is_due(
    one: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    one.run("collect_hours", tags=range_tags(HOURS))
    one.run("check_feeds")
    in_time = verdict(one, "current")
    stop_the_clock(monkeypatch, NEWEST.end + SECONDS + 10 * 60 + 4 * 60)
    one.run("check_feeds")
    still_closing = verdict(one, "current")
    stop_the_clock(monkeypatch, NEWEST.end + SECONDS + 10 * 60 + 6 * 60)
    one.run("check_feeds")

    assert in_time.passed
    assert still_closing.passed, "the run that closes the hour has some minutes"
    assert verdict(one, "current").severity is dg.AssetCheckSeverity.ERROR
    assert numbers(verdict(one, "current"))["failing_hours"] == NEWEST.next.key


def test_a_backfill_of_an_old_hour_does_not_make_a_feed_current(here: Project) -> None:
    here.run("check_feeds")
    before = numbers(verdict(here, "current"))["hours_missing"]

    here.materialize([INCOMING], Hour.from_key("2026-11-03-10:00", "Europe/Istanbul"))
    here.run("check_feeds")

    found = verdict(here, "current")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.ERROR)
    assert numbers(found)["hours_missing"] == int(str(before)) - 1
    assert f"{NEWEST}, the newest hour that should be closed, is not" in str(found.description)


def test_a_gap_that_was_left_behind_is_named_in_a_warning(one: Project) -> None:
    for hour in (HOURS[0], HOURS[2]):
        one.run("collect_hours", partition_key=hour.key)

    one.run("check_feeds")

    found = verdict(one, "current")
    assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert numbers(found)["failing_hours"] == HOURS[1].key


def test_an_account_whose_budget_is_too_small_is_told_of_at_all_its_feeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SharedBudget, "acquire", lambda *_: None)  # at the pace in question this took hours
    limited = SETTINGS.replace("requests_per_second: null", "requests_per_second: 0.01")
    with project(tmp_path, settings=limited, now=lambda: NOW) as here:
        here.run("collect_hours", partition_key=NEWEST.key)
        assert here.run("check_feeds").success

        found = verdict(here, "keeping_up")
        assert (found.passed, found.severity) == (False, dg.AssetCheckSeverity.WARN)
        assert numbers(found)["calls_allowed_per_second"] == 0.01
        assert not verdict(here, "keeping_up", SIGN_INS).passed
