"""What checks cost in rows of the event log, and what Dagster knows of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import dagster as dg

from mailevents_dagster.collecting.planning import Ask
from mailevents_dagster.health.verdicts import current, keeping_up
from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.orchestration.assets import freshness
from mailevents_dagster.orchestration.checks import OF_HOURS
from mailevents_dagster.orchestration.run_requests import collect_request
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster_tests.health.checks.checking import FEED, HOURS, NEWEST, NOW, rows, verdict
from mailevents_dagster_tests.projects import DOMAIN, ONE_FEED, Project, project, range_tags


def test_checks_of_hours_that_are_collected_by_themselves_cost_a_row_each(here: Project) -> None:
    counted = rows(here, here.run("collect_hours", tags=range_tags(HOURS)))

    feeds = len(FEED_KINDS)
    assert counted["ASSET_CHECK_EVALUATION"] == 4 * feeds
    assert counted["ASSET_CHECK_EVALUATION_PLANNED"] == 0
    assert counted["STEP_OUTPUT"] == counted["STEP_START"] == feeds


def test_a_feed_adds_eleven_rows_to_the_run_of_an_hour_four_of_them_for_checks(here: Project) -> None:
    keys = [dg.AssetKey(feed_of(DOMAIN, feed).asset_key) for feed in FEED_KINDS]
    of_all = rows(here, here.run("collect_hours", partition_key=NEWEST.key, asset_selection=keys))
    of_one = rows(here, here.run("collect_hours", partition_key=NEWEST.key, asset_selection=keys[:1]))

    assert of_all.total() - of_one.total() == 11 * (len(FEED_KINDS) - 1)
    assert of_one["ASSET_CHECK_EVALUATION"] == 4


def test_the_hourly_run_costs_two_rows_a_feed(here: Project, tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    with project(tmp_path / "one", settings=ONE_FEED, now=lambda: NOW) as small:
        of_one = rows(small, small.run("check_feeds")).total()

    assert rows(here, here.run("check_feeds")).total() == of_one + 2 * (len(FEED_KINDS) - 1)
    assert of_one < 15


def test_what_is_asked_for_by_itself_selects_no_check() -> None:
    for hours in (1, 5):
        request = collect_request(Ask(NEWEST.start, NEWEST.start + hours * SECONDS, (FEED,)), NEWEST.timezone, {})

        assert request.asset_check_keys == []


def test_what_checks_said_outlives_the_records_of_their_runs(here: Project) -> None:
    run = here.run("check_feeds").run_id

    here.instance.delete_run(run)

    assert not here.instance.all_logs(run)
    assert verdict(here, "current").passed is False


# --- definitions


def test_every_feed_has_six_checks_that_say_what_they_mean(here: Project) -> None:
    graph = here.defs.get_repository_def().asset_graph
    for feed in FEED_KINDS:
        keys = graph.get_check_keys_for_assets({dg.AssetKey(feed_of(DOMAIN, feed).asset_key)})
        assert {key.name for key in keys} == {check.__name__ for check in (*OF_HOURS, current, keeping_up)}
        assert all(graph.get_check_spec(key).description for key in keys)


def test_feeds_are_checked_after_hours_have_closed(here: Project) -> None:
    [schedule] = [one for one in here.defs.schedules or () if one.name == "check_feeds"]
    assert isinstance(schedule, dg.ScheduleDefinition)
    assert schedule.cron_schedule == "20 * * * *"
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING


def test_a_feed_is_stale_three_hours_after_an_hour_should_have_closed() -> None:
    policy = freshness(settle_seconds=600)

    assert policy == dg.FreshnessPolicy.time_window(timedelta(hours=4, minutes=10), timedelta(hours=2, minutes=10))
