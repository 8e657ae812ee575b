"""Alerts as ticks of the sensor, of a real instance and real files, told to a webhook on this machine."""

from __future__ import annotations

import errno
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test

from mailevents_dagster.alerts import channels, notification
from mailevents_dagster.alerts.notification import read_ledger
from mailevents_dagster.alerts.texts import NAMED
from mailevents_dagster.alerts.troubles import Ledger
from mailevents_dagster.build import build_defs
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration import alert_sensor as alert_sensors
from mailevents_dagster.orchestration import run_outcomes
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor, Failure
from mailevents_dagster_tests.projects import DOMAIN, KEY, SETTINGS, TWO_FEEDS, Project, project
from mailevents_dagster_tests.receiving import SECRET_PATH, WebhookServer

FEEDS = ["mail/incominglog", "authentication"]
ALERTS = """
alerts: {{webhook: "${{THE_WEBHOOK}}"}}
"""


@pytest.fixture
def chat(chat: WebhookServer, monkeypatch: pytest.MonkeyPatch) -> WebhookServer:
    """The webhook, which the settings know by its variable."""
    monkeypatch.setenv("THE_WEBHOOK", chat.url)
    return chat


class Clock:
    """The time as the sensor has it."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(alert_sensors, "time", SimpleNamespace(time=made))
    return made


@pytest.fixture
def here(tmp_path: Path, chat: WebhookServer, clock: Clock) -> Iterator[Project]:
    start = Hour.containing(time.time(), "Europe/Istanbul").previous
    text = TWO_FEEDS.replace("2026-11-01T00:00", f"{start.key[:10]}T{start.key[11:]}")
    with project(tmp_path, settings=text + ALERTS) as made:
        yield made


def tick(here: Project, defs: dg.Definitions | None = None) -> str:
    """What the sensor says of a tick."""
    repository = (defs or here.defs).get_repository_def()
    with dg.build_sensor_context(here.instance, repository_def=repository) as context:
        made: Any = repository.get_sensor_def("tell_troubles").evaluate_tick(context)
    assert not made.run_requests
    return str(made.skip_message)


def fail(here: Project, feed: str = FEEDS[0], cause: str = "timeout", times: int = 2) -> None:
    """The feed's hour now running failed so often."""
    hour = Hour.containing(time.time(), "Europe/Istanbul")
    failure = Failure(times, time.time(), cause, f"GET https://api: {cause}.")
    cursor = Cursor(failed={hour.start: failure}, failures_in_a_row=times)
    write_cursor(here.store.layout.cursor(feed_of(DOMAIN, feed)), cursor, here.store.timezone)


def mend(here: Project, feed: str = FEEDS[0]) -> None:
    write_cursor(here.store.layout.cursor(feed_of(DOMAIN, feed)), Cursor(committed_at=time.time()), here.store.timezone)


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


def job_that(fails: bool) -> Any:
    @dg.op(name="keeps_house")
    def op() -> None:
        if fails:
            raise OSError(errno.ENOSPC, "No space left on device", "/data")

    @dg.job(name="housekeeping")
    def job() -> None:
        op()

    return job


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


@pytest.mark.parametrize("fault", ["500", "redirect", "down", "slow"])
def test_what_nobody_took_is_tried_again_at_the_next_tick(
    here: Project, chat: WebhookServer, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(here)
    with monkeypatch.context() as during:
        chat.status, chat.stalls = {"500": 500, "redirect": 302}.get(fault, 200), fault == "slow"
        if fault == "down":
            during.setenv("THE_WEBHOOK", f"http://127.0.0.1:1{SECRET_PATH}")
        if fault == "slow":
            during.setattr(channels, "PATIENCE", 0.2)
        assert "tried again" in tick(here)
        assert fault != "slow" or chat.stalled.wait(60), "what comes later would be taken"
    chat.status, chat.stalls = 200, False
    before = len(chat.texts)
    tick(here)
    assert len(chat.texts) == before + 1


def test_a_run_that_failed_while_nobody_could_be_told_is_told_later(
    here: Project, chat: WebhookServer, clock: Clock
) -> None:
    tick(here)
    chat.status = 500
    job_that(fails=True).execute_in_process(instance=here.instance, raise_on_error=False)
    tick(here)
    job_that(fails=False).execute_in_process(instance=here.instance)
    tick(here)
    clock.ahead = 8000
    tick(here)
    chat.status = 200
    tick(here)
    assert "job housekeeping: OSError" in chat.texts[0].partition("Over:")[2]


def test_another_process_does_not_tell_it_again(here: Project, chat: WebhookServer) -> None:
    fail(here)
    tick(here)
    assert "Nothing new to tell" in tick(here, build_defs(here.settings))
    assert len(chat.texts) == 1


def test_while_another_process_tells_the_tick_leaves_it_to_it(here: Project, chat: WebhookServer) -> None:
    fail(here)
    with here.store.telling():
        assert "Another process" in tick(here)
    assert chat.texts == []
    tick(here)
    assert len(chat.texts) == 1


def test_five_hundred_failing_feeds_are_one_short_message(tmp_path: Path, chat: WebhookServer, clock: Clock) -> None:
    head, _, _ = SETTINGS.partition("accounts:")
    accounts = "".join(
        f'  - {{{{domain: d{number}.example, api_key: "${{{{UZMANPOSTA_KEY}}}}", feeds: [authentication]}}}}\n'
        for number in range(500)
    )
    with project(tmp_path, settings=f"{head}accounts:\n{accounts}{ALERTS}") as made:
        hour = Hour.containing(time.time(), "Europe/Istanbul")
        for feed in made.settings.feeds:
            cursor = Cursor(failed={hour.start: Failure(2, time.time(), "dns", "x" * 2000)}, failures_in_a_row=2)
            write_cursor(made.store.layout.cursor(feed), cursor, made.store.timezone)
        tick(made)
    [only] = chat.texts
    assert only.startswith("mailevents: 500 troubles (dns)\n")
    assert f"and {500 - NAMED} more" in only
    assert len(only) < 5000


def test_a_full_disk_is_told_once_and_the_tick_goes_on(
    here: Project, chat: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail(here, cause="OSError")

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "alerts.json")

    monkeypatch.setattr(notification, "write_sealed", full)
    for _ in range(3):
        tick(here)
    assert len(chat.texts) == 1


def test_a_damaged_ledger_is_set_aside_and_what_is_wrong_told_once_more(here: Project, chat: WebhookServer) -> None:
    fail(here)
    tick(here)
    path = Path(str(here.store.layout.alerts))
    path.write_bytes(b"{")
    tick(here)
    assert len(chat.texts) == 2
    assert path.with_name("alerts.json.damaged").exists()
    path.write_bytes(b"")
    os.truncate(path, 0)
    tick(here)
    assert len(chat.texts) == 3


def test_the_address_is_in_no_log_and_no_file(
    here: Project, chat: WebhookServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.DEBUG)
    fail(here)
    for chat.status in (500, 200):
        tick(here)
    assert len(chat.texts) == 1
    assert "The alert was not taken by webhook: it answered 500" in "".join(capfd.readouterr()) + caplog.text
    said = [caplog.text, *capfd.readouterr(), repr(here.settings), repr(channels.channels_of(here.settings.alerts))]
    assert not [text for text in said if SECRET_PATH in text]
    files = [path for path in Path(here.settings.storage).parent.rglob("*") if path.is_file()]
    home = [path for path in Path(here.instance.root_directory).rglob("*") if path.is_file()]
    assert not [path for path in files + home if SECRET_PATH.encode() in path.read_bytes()]
    assert [path for path in files if b"THE_WEBHOOK" in path.read_bytes()], "the right place was searched"


def test_without_channels_the_sensor_is_off_and_says_why(tmp_path: Path) -> None:
    with project(tmp_path) as made:
        sensor = made.defs.get_repository_def().get_sensor_def("tell_troubles")
        assert sensor.default_status is dg.DefaultSensorStatus.STOPPED
        assert "see `alerts`" in tick(made)
        assert not made.store.layout.alerts.exists()


def test_with_a_channel_the_sensor_is_on(here: Project) -> None:
    sensor = here.defs.get_repository_def().get_sensor_def("tell_troubles")
    assert sensor.default_status is dg.DefaultSensorStatus.RUNNING
    assert read_ledger(here.store) == Ledger()
