"""Sensor and schedule as ticks: what they ask for, of a real instance and real files, at a moment that stands still."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import PartitionBackfill
from dagster._core.test_utils import create_run_for_test

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration import unreported_hours as shown
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.projects import DOMAIN, NOW, RUNNING, TWO_FEEDS, Project, project, stop_the_clock

TIMEZONE = "Europe/Istanbul"
HOURS = [Hour(RUNNING.start - back * 3600, TIMEZONE) for back in (3, 2, 1)]
FEEDS = ["mail/incominglog", "authentication"]
FROM_FIRST = TWO_FEEDS.replace("2026-11-01T00:00", f"{HOURS[0].key[:10]}T{HOURS[0].key[11:]}")
WAITING, STARTED = dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    stop_the_clock(monkeypatch, NOW)
    with project(tmp_path, settings=FROM_FIRST, now=lambda: NOW) as made:
        yield made


@pytest.fixture
def with_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The same with a home of Dagster on the disk, which schedules open for themselves."""
    stop_the_clock(monkeypatch, NOW)
    with project(tmp_path, settings=FROM_FIRST, now=lambda: NOW, instance=in_files) as made:
        yield made


@pytest.fixture
def current(here: Project) -> Project:
    assert here.materialize(FEEDS, HOURS).success
    here.api.calls.clear()
    return here


def tick(here: Project, cursor: str | None = None) -> Any:
    repository = here.defs.get_repository_def()
    resources = {"event_store": here.defs.resources["event_store"]}
    with dg.build_sensor_context(here.instance, cursor, repository_def=repository, resources=resources) as context:
        return repository.get_sensor_def("follow_feeds").evaluate_tick(context)


def close_hours(here: Project) -> Any:
    repository = here.defs.get_repository_def()
    resources = {"event_store": here.defs.resources["event_store"]}
    at = datetime.fromtimestamp(NOW, UTC)
    with dg.build_schedule_context(here.instance, at, repository_def=repository, resources=resources) as context:
        return repository.get_schedule_def("close_hours").evaluate_tick(context)


def key(feed: str) -> dg.AssetKey:
    return dg.AssetKey(feed_of(DOMAIN, feed).asset_key)


def asked(requests: Any) -> set[tuple[str, str, str]]:
    """Feed and first and last hour of what is asked for, follow runs left out."""
    names = {key(feed): feed for feed in FEEDS}
    return {
        (
            names[one],
            request.partition_key or request.tags["dagster/asset_partition_range_start"],
            request.partition_key or request.tags["dagster/asset_partition_range_end"],
        )
        for request in requests
        for one in request.asset_selection or ()
    }


def jobs_of(made: Any) -> list[str]:
    return [request.job_name for request in made.run_requests]


def run_of(here: Project, job: str, status: dg.DagsterRunStatus, feeds: list[str] | None = None) -> dg.DagsterRun:
    selection = frozenset(map(key, feeds)) if feeds else None
    return create_run_for_test(here.instance, job_name=job, status=status, asset_selection=selection)


def test_a_fresh_project_is_followed_and_its_due_hours_are_asked_for_in_runs_that_succeed(here: Project) -> None:
    made = tick(here)

    assert here.api.calls.count() == 0, "no call goes out during a tick"
    assert jobs_of(made) == ["follow", "collect_hours"]
    assert asked(made.run_requests) == {(feed, HOURS[0].key, HOURS[-1].key) for feed in FEEDS}
    for request in made.run_requests:
        asset_selection = {"asset_selection": request.asset_selection} if request.asset_selection else {}
        result = here.run(request.job_name, run_config=request.run_config, tags=request.tags, **asset_selection)
        assert result.success
    assert here.materialized(FEEDS[0]) == {hour.key for hour in HOURS}
    assert jobs_of(tick(here)) == ["follow"]


def test_a_single_due_hour_is_asked_for_by_its_key(here: Project) -> None:
    here.materialize(FEEDS, HOURS[:2])

    made = tick(here)

    assert [request.partition_key for request in made.run_requests if request.asset_selection] == [HOURS[-1].key]


def test_a_current_project_is_followed_and_says_when_the_next_hour_is_due(current: Project) -> None:
    made = tick(current)

    assert jobs_of(made) == ["follow"]
    assert current.api.calls.count() == 0
    said = json.loads(made.cursor)["said"]
    due = datetime.fromtimestamp(RUNNING.end + current.settings.collect.settle_minutes * 60, UTC)
    assert said.startswith("2 feeds followed; next due ")
    assert said.endswith(f":{due:%M}")


def test_while_a_follow_run_goes_on_and_nothing_is_due_the_tick_is_skipped_with_that_sentence(current: Project) -> None:
    run_of(current, "follow", WAITING)

    made = tick(current)

    assert not made.run_requests
    assert made.skip_message.startswith("2 feeds followed; next due ")
    assert json.loads(made.cursor)["said"] == made.skip_message


@pytest.mark.parametrize("status", [WAITING, STARTED])
def test_feeds_of_a_run_under_way_are_left_alone(with_files: Project, status: dg.DagsterRunStatus) -> None:
    run_of(with_files, "__ASSET_JOB", status, FEEDS[:1])

    assert {feed for feed, _, _ in asked(tick(with_files).run_requests)} == {FEEDS[1]}
    assert {feed for feed, _, _ in asked(close_hours(with_files).run_requests)} == {FEEDS[1]}


@pytest.mark.parametrize("selection", [None, frozenset()])
def test_a_run_of_the_job_that_collects_for_which_no_feed_was_chosen_has_all_of_them(
    here: Project, selection: frozenset[dg.AssetKey] | None
) -> None:
    create_run_for_test(here.instance, job_name="collect_hours", status=STARTED, asset_selection=selection)

    assert not asked(tick(here).run_requests)


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`")
@pytest.mark.parametrize("hours", [HOURS[1:], None], ids=["some", "all partitions"])
def test_hours_of_a_backfill_that_waits_are_left_alone(with_files: Project, hours: list[Hour] | None) -> None:
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id="of-somebody",
        asset_graph=with_files.defs.get_repository_def().asset_graph,
        partition_names=None if hours is None else [hour.key for hour in hours],
        asset_selection=[key(FEEDS[0])],
        backfill_timestamp=NOW,
        tags={},
        dynamic_partitions_store=with_files.instance,
        all_partitions=hours is None,
        title=None,
        description=None,
        run_config=None,
    )
    with_files.instance.add_backfill(backfill)

    for look in (tick, close_hours):
        of_first = {(first, last) for feed, first, last in asked(look(with_files).run_requests) if feed == FEEDS[0]}
        assert of_first == (set() if hours is None else {(HOURS[0].key, HOURS[0].key)})


def test_feeds_that_keep_failing_are_named_with_the_time_they_are_tried_again(
    current: Project,
) -> None:
    current.api.fail_next("/logs/mail", Answer(status=401), times=None)
    current.run("follow")

    made = tick(current)

    state = json.loads(made.cursor)
    assert state["waiting"] == {f"{DOMAIN} {FEEDS[0]}": NOW + 3600}
    assert f"1 feed failing ({DOMAIN} {FEEDS[0]}), tried again from " in state["said"]
    [follow] = made.run_requests
    assert follow.run_config["ops"]["follow_feeds"]["config"] == {"leave_out": [f"{DOMAIN} {FEEDS[0]}"]}


def test_a_feed_with_a_damaged_cursor_is_left_to_the_follow_run_which_mends_it(current: Project) -> None:
    Path(str(current.store.layout.cursor(feed_of(DOMAIN, FEEDS[0])))).write_bytes(b"{")

    assert jobs_of(tick(current)) == ["follow"]

    current.run("follow")
    mended = current.store.readable_cursor(feed_of(DOMAIN, FEEDS[0]))
    assert mended
    assert all(mended.is_closed(hour.start) for hour in HOURS)


def test_rubbish_in_the_sensors_own_cursor_does_no_harm(here: Project) -> None:
    for rubbish in (
        "",
        "nothing",
        "[]",
        "7",
        '{"shown_up_to": null}',
        '{"shown_up_to": -9e99}',
        '{"shown_up_to": 1e999}',
    ):
        assert jobs_of(tick(here, rubbish)) == ["follow", "collect_hours"], rubbish


def test_the_schedule_asks_for_what_the_sensor_would_ask_for_and_skips_where_nothing_is_due(
    with_files: Project,
) -> None:
    asked_by_sensor = asked(tick(with_files).run_requests)
    assert asked(close_hours(with_files).run_requests) == asked_by_sensor != set()

    with_files.materialize(FEEDS[:1], HOURS)
    assert {feed for feed, _, _ in asked(close_hours(with_files).run_requests)} == {FEEDS[1]}

    with_files.materialize(FEEDS[1:], HOURS)
    made = close_hours(with_files)
    assert not made.run_requests
    assert made.skip_message == json.loads(tick(with_files).cursor)["said"]


def test_at_the_moment_an_hour_settles_whoever_looks_first_asks_for_it(
    with_files: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_files.materialize(FEEDS, HOURS[:2])
    settled = RUNNING.start + with_files.settings.collect.settle_minutes * 60
    stop_the_clock(monkeypatch, settled - 1)
    assert not close_hours(with_files).run_requests
    stop_the_clock(monkeypatch, settled)

    newest = {(feed, HOURS[-1].key, HOURS[-1].key) for feed in FEEDS}
    assert asked(close_hours(with_files).run_requests) == newest
    assert asked(tick(with_files).run_requests) == newest
    run_of(with_files, "collect_hours", WAITING, FEEDS)
    assert not asked(tick(with_files).run_requests), "once it is asked for, nobody asks again"


def test_automation_that_is_switched_off_starts_stopped_but_for_the_search_for_runs_that_are_gone(
    tmp_path: Path,
) -> None:
    with project(tmp_path, settings=FROM_FIRST + "automation: {{enabled: false}}\n") as off:
        repository = off.defs.get_repository_def()

    automated = [*repository.sensor_defs, *repository.schedule_defs]
    assert [one.name for one in automated if one.default_status.value != "STOPPED"] == ["find_gone_runs"]


def test_hours_that_are_kept_and_not_shown_are_shown_from_their_manifests_some_a_tick(
    current: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown, "HOURS_A_TICK", 2)
    monkeypatch.setattr(shown, "SECONDS_A_TICK", 600.0)
    monkeypatch.setattr(shown, "FEEDS_A_TICK", 1)
    for feed in FEEDS:
        current.instance.wipe_assets([key(feed)])

    cursor, numbers = None, []
    for _ in range(6):
        cursor = tick(current, cursor).cursor
        numbers.append(sum(len(current.materialized(feed)) for feed in FEEDS))

    assert numbers == [2, 3, 5, 6, 6, 6]
    assert current.api.calls.count() == 0
    record = current.instance.fetch_materializations(key(FEEDS[0]), limit=1).records[0]
    assert record.asset_materialization
    events = record.asset_materialization.metadata["dagster/partition_row_count"].value
    hour = Hour.from_key(str(record.partition_key), TIMEZONE)
    assert events == len(current.truth(FEEDS[0], hour)) > 0
