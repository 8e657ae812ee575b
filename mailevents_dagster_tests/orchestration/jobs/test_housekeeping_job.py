"""The job that deletes old runs of the other jobs, and nothing that was shown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from mailevents_dagster.orchestration import jobs
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.projects import DOMAIN, NOW, RUNNING, Project, project

INCOMING = "mail/incominglog"
ALL_FEEDS = list(FEED_KINDS)
CLOSED = [RUNNING.previous.previous.previous, RUNNING.previous.previous, RUNNING.previous]


@pytest.fixture
def with_files(tmp_path: Path) -> Iterator[Project]:
    """A project with a home of Dagster on the disk."""
    with project(tmp_path, now=lambda: NOW, instance=in_files) as made:
        yield made


SUCCESS, FAILURE, CANCELED = dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED


@pytest.mark.parametrize("job", ["follow", "check_feeds"])
def test_housekeeping_deletes_old_ended_runs_that_followed_or_checked_feeds_and_no_others(
    here: Project, job: str
) -> None:
    kept_days = here.settings.automation.keep_follow_runs_days
    kept = {old_run(here, job, status, days=kept_days + 1): False for status in (SUCCESS, FAILURE, CANCELED)}
    kept |= {
        old_run(here, job, dg.DagsterRunStatus.STARTED, days=kept_days + 1): True,
        old_run(here, job, dg.DagsterRunStatus.CANCELING, days=kept_days + 1): True,
        old_run(here, job, SUCCESS, days=kept_days - 1): True,
        old_run(here, "collect_hours", SUCCESS, days=400): True,
        old_run(here, "reconcile", SUCCESS, days=400): True,
        old_run(here, "housekeeping", SUCCESS, days=400): True,
        old_run(here, "of_somebody_else", SUCCESS, days=400): True,
    }

    result = here.run("housekeeping")

    assert result.success
    assert {run: here.instance.has_run(run) for run in kept} == kept
    assert any(line.startswith(f"3 {job} runs from before") for line in here.said(result))
    [done] = [one for one in result.all_events if one.is_successful_output and one.step_key == "delete_old_follow_runs"]
    numbers = {name: value.value for name, value in done.step_output_data.metadata.items()}
    assert numbers == {"follow_runs_deleted": 0, "check_runs_deleted": 0, f"{job.split('_')[0]}_runs_deleted": 3}


def test_both_kinds_of_runs_go_in_one_night_and_nothing_stays_of_them_on_the_disk(
    with_files: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = [with_files.run(job).run_id for job in ("follow", "check_feeds")]
    days_later(monkeypatch)
    home = Path(with_files.instance.storage_directory()).parent
    assert all([path for path in home.rglob("*") if run in str(path)] for run in runs)

    assert with_files.run("housekeeping").success

    assert not [path for path in home.rglob("*") for run in runs if run in str(path)]


def test_what_checks_said_of_feeds_outlives_the_runs_that_housekeeping_deletes(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = here.run("check_feeds").run_id
    days_later(monkeypatch)

    assert here.run("housekeeping").success

    assert not here.instance.has_run(run)
    for feed in ALL_FEEDS:
        for name in ("current", "keeping_up"):
            key = dg.AssetCheckKey(dg.AssetKey(feed_of(DOMAIN, feed).asset_key), name)
            [said] = here.instance.event_log_storage.get_asset_check_execution_history(key, limit=10)
            assert said.evaluation


def test_housekeeping_leaves_the_status_of_every_hour(here: Project) -> None:
    here.materialize([INCOMING], CLOSED[-1])
    old_run(here, "follow", dg.DagsterRunStatus.SUCCESS, days=30)

    here.run("housekeeping")

    assert here.materialized(INCOMING) == {CLOSED[-1].key}


def days_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What housekeeping takes for the time: all runs are old."""
    monkeypatch.setattr(jobs, "datetime", SimpleNamespace(now=lambda zone: datetime.now(zone) + timedelta(days=30)))


def old_run(here: Project, job: str, status: dg.DagsterRunStatus, days: float) -> str:
    run = create_run_for_test(here.instance, job_name=job, status=status)
    here.instance.delete_run(run.run_id)
    here.instance.run_storage.add_historical_run(run, datetime.now(UTC) - timedelta(days=days))
    return run.run_id
