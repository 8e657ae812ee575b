"""A backlog as runs and ticks: a run goes on with what else is due, and its end asks for the rest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.remote_origin import RegisteredCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.catch_up_sensor import CATCH_UP
from mailevents_dagster.orchestration.runs_in_flight import GOES_ON
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.projects import (
    DOMAIN,
    NOW,
    RUNNING,
    TWO_FEEDS,
    Project,
    project,
    range_tags,
    same_events,
    stop_the_clock,
)

HOURS = [Hour(RUNNING.start - back * 3600, "Europe/Istanbul") for back in range(9, 0, -1)]
FEEDS = ["mail/incominglog", "authentication"]
SETTINGS = TWO_FEEDS.replace("2026-11-01T00:00", f"{HOURS[0].key[:10]}T{HOURS[0].key[11:]}").replace(
    "hours_per_run: 24", "hours_per_run: 2"
)
KEYS = [hour.key for hour in HOURS]
GOING_ON = {GOES_ON: "10"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    stop_the_clock(monkeypatch, NOW)
    with project(tmp_path, settings=SETTINGS, now=lambda: NOW, instance=in_files) as made:
        yield made


def key(feed: str) -> dg.AssetKey:
    return dg.AssetKey(feed_of(DOMAIN, feed).asset_key)


def collect(
    here: Project, hours: Sequence[Hour] = HOURS[-2:], feeds: Sequence[str] = FEEDS, **tags: str
) -> dg.ExecuteInProcessResult:
    """The run that the sensor asks for."""
    return here.run(
        "collect_hours",
        tags={**range_tags(hours), **GOING_ON, **tags},
        asset_selection=[key(feed) for feed in feeds],
    )


def lists(hour: Hour, path: str) -> Any:
    return lambda request: request.path.endswith(path) and request.params.get("starttime") == str(hour.start - 1)


def catch_up(here: Project, run: dg.DagsterRun) -> list[dg.RunRequest]:
    """What is asked for at the end of a run."""
    event = dg.DagsterEvent("PIPELINE_SUCCESS", run.job_name)
    resources = {"event_store": here.defs.resources["event_store"]}
    repository = here.defs.get_repository_def()
    context = dg.build_run_status_sensor_context(
        CATCH_UP, event, here.instance, run, repository_def=repository, resources=resources
    )
    made = repository.get_sensor_def(CATCH_UP)(context)
    return list(made.run_requests) if isinstance(made, dg.SensorResult) else []


def ended(
    here: Project,
    feeds: Sequence[str] = FEEDS,
    hours: Sequence[Hour] = HOURS[-2:],
    tags: dict[str, str] = GOING_ON,
) -> dg.DagsterRun:
    run: dg.DagsterRun = create_run_for_test(
        here.instance,
        job_name="collect_hours",
        status=dg.DagsterRunStatus.SUCCESS,
        tags={**range_tags(hours), **tags},
        asset_selection=frozenset(map(key, feeds)),
    )
    return run


def spans(requests: Sequence[dg.RunRequest]) -> list[tuple[int, str, str]]:
    """How many feeds, and from and to which hour."""
    tags = [(len(one.asset_selection or ()), one.tags) for one in requests]
    return [
        (number, some["dagster/asset_partition_range_start"], some["dagster/asset_partition_range_end"])
        for number, some in tags
    ]


def test_a_run_that_catches_up_goes_on_until_nothing_is_due_and_all_of_it_is_green(here: Project) -> None:
    assert collect(here).success

    for feed in FEEDS:
        assert here.materialized(feed) == set(KEYS)
        for hour in HOURS:
            assert same_events(here.logged(feed, hour), here.truth(feed, hour))
    records = here.instance.fetch_materializations(key(FEEDS[0]), limit=100).records
    assert len(records) == len(HOURS), "each hour is shown once"
    assert all(one.asset_materialization.metadata["closed"].value for one in records if one.asset_materialization)


def test_a_run_that_somebody_asked_for_collects_what_was_asked_for(here: Project) -> None:
    assert here.materialize(FEEDS, HOURS[-2:]).success

    assert here.materialized(FEEDS[0]) == set(KEYS[-2:])


@pytest.mark.parametrize(
    ("job", "selection", "goes_on"),
    [
        ("__ASSET_JOB", [FEEDS[1]], False),
        ("collect_hours", [], False),
        ("__ASSET_JOB", ["quarantine/hold"], True),
        ("follow", [], True),
    ],
    ids=["of one of its feeds", "of all feeds", "of another feed", "that follows"],
)
def test_a_run_does_not_go_on_while_a_run_waits_for_its_feeds(
    here: Project, job: str, selection: list[str], goes_on: bool
) -> None:
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("mailevents"), "__repository__"), job)
    create_run_for_test(
        here.instance,
        job_name=job,
        status=dg.DagsterRunStatus.QUEUED,
        remote_job_origin=origin,
        asset_selection=frozenset(map(key, selection)) or None,
    )

    assert collect(here).success

    assert here.materialized(FEEDS[0]) == set(KEYS if goes_on else KEYS[-2:])


def test_an_hour_that_fails_on_the_way_is_told_and_left_to_a_run_of_its_own_which_fails(here: Project) -> None:
    here.api.fail_next(lists(HOURS[0], "/logs/mail"), Answer(404), times=None)

    result = collect(here)

    assert result.success
    assert any(HOURS[0].key in line and "answered 404" in line for line in here.said(result))
    assert here.materialized(FEEDS[0]) == {*KEYS} - {KEYS[0]}
    assert here.materialized(FEEDS[1]) == set(KEYS)
    assert collect(here).success
    assert here.api.calls.count("list", 404) == 1, "it waits"
    assert not collect(here, HOURS[:1]).success


def test_checks_speak_of_the_hours_that_a_run_goes_on_with(here: Project) -> None:
    collect(here)

    record = here.instance.get_latest_materialization_event(key(FEEDS[0]))
    check = dg.AssetCheckKey(key(FEEDS[0]), "complete")
    verdicts = here.instance.event_log_storage.get_asset_check_execution_history(check, limit=10)
    assert record
    assert len(verdicts) == 5, "of two hours each, and of the one that is left"
    assert verdicts[0].event
    assert record.timestamp <= verdicts[0].event.timestamp


def test_where_what_else_is_due_cannot_be_known_the_hours_that_were_asked_for_are_collected_all_the_same(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bool:
        raise OSError("database is locked")

    monkeypatch.setattr("mailevents_dagster.orchestration.lanes.are_waited_for", broken)

    result = collect(here)

    assert result.success
    assert here.materialized(FEEDS[0]) == set(KEYS[-2:])
    assert any("does not look for what else is due: database is locked" in line for line in here.said(result))


def test_the_end_of_a_run_asks_for_what_is_due_at_once(here: Project) -> None:
    here.materialize(FEEDS, HOURS[-2:])
    here.api.calls.clear()

    assert spans(catch_up(here, ended(here))) == [(2, KEYS[-4], KEYS[-3])]
    assert here.api.calls.count() == 0, "no call goes out during a tick"


def test_the_end_of_a_run_that_did_not_catch_up_asks_for_nothing(here: Project) -> None:
    assert catch_up(here, ended(here, tags={})) == []


def test_hours_that_did_not_close_though_their_run_succeeded_are_left_to_the_next_look(here: Project) -> None:
    """Else a source whose hours do not close would be asked without a pause."""
    here.materialize(FEEDS[:1], HOURS[-2:])

    assert spans(catch_up(here, ended(here))) == [(1, KEYS[-4], KEYS[-3])]
    assert catch_up(here, ended(here, FEEDS[1:])) != [], "but those of the other feed"
    [request] = catch_up(here, ended(here, FEEDS[1:]))
    assert request.asset_selection == [key(FEEDS[0])]


def test_at_the_end_of_a_run_feeds_that_others_have_under_way_are_left_alone(here: Project) -> None:
    here.materialize(FEEDS, HOURS[-2:])
    create_run_for_test(
        here.instance,
        job_name="collect_hours",
        status=dg.DagsterRunStatus.STARTED,
        tags=GOING_ON,
        asset_selection=frozenset([key(FEEDS[0])]),
    )

    assert spans(catch_up(here, ended(here))) == [(1, KEYS[-4], KEYS[-3])]


def test_at_the_end_of_the_last_run_nothing_is_asked_for(here: Project) -> None:
    here.materialize(FEEDS, HOURS)

    assert catch_up(here, ended(here)) == []


def collecting(here: Project, selection: frozenset[dg.AssetKey]) -> None:
    """As many runs as may catch up at a time."""
    for _ in range(here.settings.automation.max_parallel_runs):
        create_run_for_test(
            here.instance,
            job_name="collect_hours",
            status=dg.DagsterRunStatus.STARTED,
            tags=GOING_ON,
            asset_selection=selection,
        )


def tick(here: Project) -> list[dg.RunRequest]:
    repository = here.defs.get_repository_def()
    resources = {"event_store": here.defs.resources["event_store"]}
    with dg.build_sensor_context(here.instance, repository_def=repository, resources=resources) as context:
        made = repository.get_sensor_def("follow_feeds").evaluate_tick(context)
    return [one for one in made.run_requests if one.job_name == "collect_hours"]


def test_runs_that_catch_up_are_told_for_how_long_to_go_on(here: Project) -> None:
    [request] = tick(here)

    assert request.tags[GOES_ON] == "10"


def test_an_hour_that_ends_while_as_many_runs_catch_up_as_may_is_closed_beside_them(here: Project) -> None:
    collecting(here, frozenset([dg.AssetKey("of others")]))

    [request] = tick(here)

    assert set(request.asset_selection or ()) == {key(feed) for feed in FEEDS}
    assert request.partition_key == KEYS[-1]
    assert GOES_ON not in request.tags, "it is one more run than may catch up, so it ends with its hour"


def test_runs_for_which_no_feed_was_chosen_have_them_all(here: Project) -> None:
    collecting(here, frozenset())

    assert tick(here) == []
