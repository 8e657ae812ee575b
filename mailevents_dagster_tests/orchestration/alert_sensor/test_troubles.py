"""Alerts as ticks of the sensor, of a real instance and real files, told to a webhook on this machine."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from mailevents_dagster.alerts.notification import read_ledger
from mailevents_dagster.orchestration import run_outcomes
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer
from mailevents_dagster_tests.alerts.receiving import WebhookServer
from mailevents_dagster_tests.orchestration.alert_sensor.alerting import FEEDS, Clock, fail, job_that, mend, tick
from mailevents_dagster_tests.projects import DOMAIN, KEY, Project


def test_a_feed_that_keeps_failing_is_told_once_and_again_after_a_day_and_when_it_is_good(
    here: Project, chat: WebhookServer, clock: Clock
) -> None:
    fail(here)
    tick(here)
    [first] = chat.texts
    assert first.startswith("mailevents: 1 trouble (timeout)\n")
    assert f"{DOMAIN} {FEEDS[0]}: timeout, since " in first
    assert "GET https://api: timeout." in first

    for clock.ahead in (300, 3600, 86_000):
        assert "Nothing new to tell" in tick(here)
    clock.ahead = 86_500
    tick(here)
    assert len(chat.texts) == 2

    mend(here)
    tick(here)
    clock.ahead += 1000
    tick(here)
    tick(here)
    assert len(chat.texts) == 3
    assert "mailevents: 1 trouble over\nOver:\n" in chat.texts[2]
    assert not read_ledger(here.store).entries


def test_a_refused_key_is_one_alert_a_feed_though_every_follow_run_fails(
    here: Project, chat: WebhookServer, clock: Clock
) -> None:
    here.api.fail_next("/logs/", Answer(status=401), times=None)
    for clock.ahead in (0, 300, 600):
        assert not here.run("follow").success
        tick(here)

    [only] = chat.texts
    assert only.startswith("mailevents: 2 troubles (permission)\n")
    assert "job follow" not in only
    assert KEY not in only


def test_a_first_failure_is_left_to_the_second_try(here: Project, chat: WebhookServer) -> None:
    here.api.fail_next("/logs/", Answer(status=500), times=None)
    assert not here.run("follow").success
    tick(here)
    assert chat.texts == []

    assert not here.run("follow").success
    tick(here)
    assert [text.splitlines()[0] for text in chat.texts] == ["mailevents: 2 troubles (server)"]


def test_a_run_that_its_feeds_spoke_for_is_not_told_once_they_are_good(
    here: Project, chat: WebhookServer, clock: Clock
) -> None:
    here.api.fail_next("/logs/", Answer(status=500), times=None)
    assert not here.run("follow").success
    tick(here)
    for feed in FEEDS:
        mend(here, feed)
    for clock.ahead in (5, 30, 90):
        tick(here)
    assert chat.texts == []


def test_more_runs_than_one_look_takes_are_looked_at_by_the_next(
    here: Project, chat: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_outcomes, "RUNS_A_LOOK", 2)
    tick(here)
    for job in ["reconcile"] * 5 + ["housekeeping"]:
        run = create_run_for_test(here.instance, job_name=job, status=dg.DagsterRunStatus.STARTED)
        here.instance.report_run_failed(run, "no") if job == "housekeeping" else here.instance.report_run_canceled(run)
    for _ in range(2):
        tick(here)
    assert chat.texts == []
    tick(here)
    tick(here)
    assert len(chat.texts) == 1


def test_a_failed_job_is_told_with_its_reason_and_is_over_when_it_succeeds_again(
    here: Project, chat: WebhookServer, clock: Clock
) -> None:
    tick(here)
    for _ in range(3):
        job_that(fails=True).execute_in_process(instance=here.instance, raise_on_error=False)
        tick(here)
    [only] = chat.texts
    assert "job housekeeping: OSError, since " in only
    assert "No space left on device" in only

    job_that(fails=False).execute_in_process(instance=here.instance)
    tick(here)
    assert len(chat.texts) == 1, "it may fail again soon"
    clock.ahead = 7300
    tick(here)
    assert "job housekeeping: OSError" in chat.texts[1].partition("Over:")[2]


def test_a_run_whose_process_is_gone_is_told(here: Project, chat: WebhookServer) -> None:
    tick(here)
    run = create_run_for_test(here.instance, job_name="housekeeping", status=dg.DagsterRunStatus.STARTED)
    here.instance.report_run_failed(run, "The process of this run is gone.")
    tick(here)
    assert "job housekeeping: failed run, since " in chat.texts[0]
    assert "The process of this run is gone." in chat.texts[0]


def test_runs_of_other_projects_of_the_instance_are_none_of_ours(here: Project, chat: WebhookServer) -> None:
    tick(here)
    run = create_run_for_test(here.instance, job_name="of_somebody_else", status=dg.DagsterRunStatus.STARTED)
    here.instance.report_run_failed(run, "no")
    tick(here)
    assert chat.texts == []


def checked(here: Project, *, passes: bool, severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR) -> None:
    """A run in which a check of a feed is made."""
    key = dg.AssetKey(feed_of(DOMAIN, FEEDS[0]).asset_key)

    @dg.asset_check(asset=key, name="any_check")
    def check() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passes, severity=severity, description="3 details\nare missing")

    job = dg.define_asset_job("collect_hours", dg.AssetSelection.checks(check)).resolve(
        asset_graph=dg.Definitions(asset_checks=[check]).get_repository_def().asset_graph
    )
    assert job.execute_in_process(instance=here.instance, raise_on_error=False).success


def test_a_failed_check_is_told_once_and_is_over_when_it_passes_again(
    here: Project, chat: WebhookServer, clock: Clock
) -> None:
    tick(here)
    checked(here, passes=True)
    tick(here)
    checked(here, passes=False, severity=dg.AssetCheckSeverity.WARN)
    tick(here)
    assert chat.texts == []

    for _ in range(2):
        checked(here, passes=False)
        tick(here)
    [only] = chat.texts
    assert f"{DOMAIN} {FEEDS[0]} any_check: failed check, since " in only
    assert "3 details are missing" in only

    checked(here, passes=True)
    tick(here)
    clock.ahead = 7300
    tick(here)
    assert "any_check: failed check" in chat.texts[1].partition("Over:")[2]
