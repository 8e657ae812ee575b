"""A run over several lanes collects them side by side; each feed keeps its step, its log and its failure."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan, execute_run_iterator

from mailevents_dagster.collecting.runner import Runner
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.api import Tally, UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.rows import Row
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster_tests.collecting_process import listings
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.projects import KEY, ONE_FEED, Project, definitions, range_tags

DOMAINS = ["a.example", "b.example", "c.example"]
FEEDS = [feed_of(domain, "mail/incominglog") for domain in DOMAINS]
NEWEST = Hour.from_key("2026-11-17-13:00", "Europe/Istanbul")
HOURS = [NEWEST.previous, NEWEST]
PATIENCE = 60.0


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    head, _, account = ONE_FEED.partition("accounts:\n")
    text = head + "accounts:\n" + "".join(account.replace("example.com", domain) for domain in DOMAINS)
    fixed = FixedMail()
    for domain in DOMAINS:
        for hour in HOURS:
            fixed.add(domain, "mail/incominglog", [mail(hour.start + n, f"{domain}{n}") for n in range(5)])
    monkeypatch.setenv("UZMANPOSTA_KEY", KEY)
    with Simulator(source=fixed, now=lambda: NEWEST.end + 1500.0) as api, in_files() as instance:
        yield Project(*definitions(tmp_path, text, api.base_url), instance, api)


def key(feed: Feed) -> dg.AssetKey:
    return dg.AssetKey(feed.asset_key)


def done(here: Project, feed: Feed) -> set[str]:
    return here.instance.get_materialized_partitions(key(feed))


def when_listed(monkeypatch: pytest.MonkeyPatch, do: Callable[[Feed, int], object]) -> None:
    real = UzmanPostaApi.rows

    def rows(api: UzmanPostaApi, feed: Feed, first: int, last: int, tally: Tally) -> Sequence[Row]:
        do(feed, first)
        return real(api, feed, first, last, tally)

    monkeypatch.setattr(UzmanPostaApi, "rows", rows)


def collecting_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name in ("lane", "hour")]


def test_the_accounts_of_a_run_are_collected_side_by_side_and_each_hour_once(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No listing goes out before those of the other accounts are about to."""
    meeting = threading.Barrier(len(DOMAINS))
    when_listed(monkeypatch, lambda *_: meeting.wait(PATIENCE))

    assert here.run("collect_hours", tags=range_tags(HOURS)).success

    for feed in FEEDS:
        assert done(here, feed) == {hour.key for hour in HOURS}
    assert listings(here.api.calls, *HOURS) == 6
    assert here.api.calls.count("detail") == 30
    assert not collecting_threads()


def test_a_feed_that_fails_fails_its_own_step_and_is_told_in_it(here: Project) -> None:
    here.api.fail_next(lambda request: request.params.get("domain") == "b.example", Answer(status=404), times=None)

    result = here.run("collect_hours", partition_key=NEWEST.key)

    [failure] = result.get_step_failure_events()
    assert failure.step_key == "uzmanposta__b_example__mail__incominglog"
    assert "answered 404" in str(failure.step_failure_data.error)
    assert [len(done(here, feed)) for feed in FEEDS] == [1, 0, 1]


def test_what_nobody_thought_of_fails_the_step_of_its_feed_as_it_is(
    here: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(feed: Feed, _: int) -> None:
        if feed == FEEDS[1]:
            raise ZeroDivisionError("unthought of")

    when_listed(monkeypatch, breaks)

    result = here.run("collect_hours", tags=range_tags(HOURS))

    [failure] = result.get_step_failure_events()
    assert "ZeroDivisionError: unthought of" in str(failure.step_failure_data.error)
    assert [len(done(here, feed)) for feed in FEEDS] == [2, 0, 2]


def test_of_the_assets_of_a_job_only_those_the_run_has_are_collected(here: Project) -> None:
    result = here.run("collect_hours", partition_key=NEWEST.key, asset_selection=[key(FEEDS[0]), key(FEEDS[2])])

    assert result.success
    assert [len(done(here, feed)) for feed in FEEDS] == [1, 0, 1]
    assert here.api.calls.count("list") == 2


def test_a_run_of_some_steps_of_an_earlier_one_collects_no_other_feed(here: Project) -> None:
    job = here.defs.get_repository_def().get_job("collect_hours")
    steps = ["uzmanposta__c_example__mail__incominglog"]
    plan = create_execution_plan(job, step_keys_to_execute=steps)
    run = here.instance.create_run_for_job(job, execution_plan=plan, tags={"dagster/partition": NEWEST.key})

    list(execute_run_iterator(InMemoryJob(job), run, here.instance))

    finished = here.instance.get_run_by_id(run.run_id)
    assert finished
    assert finished.is_success
    assert [len(done(here, feed)) for feed in FEEDS] == [0, 0, 1]
    assert here.api.calls.count("list") == 1


def test_a_run_that_is_interrupted_stops_what_it_collects_ahead(here: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first account waits for an answer, the second has been told to wait for ten minutes."""
    here.api.fail_next(
        lambda request: request.params.get("domain") != "a.example", Answer(429, {"Retry-After": "600"}), times=None
    )
    waiting, real = threading.Event(), UzmanPostaApi.rows

    def rows(api: UzmanPostaApi, feed: Feed, first: int, last: int, tally: Tally) -> Sequence[Row]:
        if feed == FEEDS[0]:
            waiting.wait(PATIENCE)
        return real(api, feed, first, last, tally)

    monkeypatch.setattr(UzmanPostaApi, "rows", rows)
    monkeypatch.setattr(Runner, "outcomes_of", interrupted)

    assert not here.run("collect_hours", partition_key=NEWEST.key).success
    waiting.set()
    for thread in collecting_threads():
        thread.join(PATIENCE)

    assert not collecting_threads()
    assert not here.store.manifest(FEEDS[1], NEWEST)


def interrupted(*_: object) -> Iterator[None]:
    raise KeyboardInterrupt
    yield


def test_verdicts_of_a_run_that_failed_half_way_stand_behind_the_hours_they_speak_of(here: Project) -> None:
    """Dagster shows a verdict only where it is newer than the materialization."""
    first = lambda request: request.params.get("endtime") == str(HOURS[1].end)  # noqa: E731
    here.api.fail_next(first, Answer(status=404), times=None)

    assert not here.run("collect_hours", tags=range_tags(HOURS)).success

    record = here.instance.get_latest_materialization_event(key(FEEDS[0]))
    check = dg.AssetCheckKey(key(FEEDS[0]), "complete")
    [verdict] = here.instance.event_log_storage.get_asset_check_execution_history(check, limit=1)
    assert record
    assert verdict.event
    assert record.timestamp <= verdict.event.timestamp
    assert verdict.evaluation
    assert not verdict.evaluation.passed
