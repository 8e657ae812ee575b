"""What nobody took, what another process tells, and what the disk refuses: told once, and never lost."""

from __future__ import annotations

import errno
import logging
import os
import time
from pathlib import Path

import dagster as dg
import pytest

from mailevents_dagster.alerts import channels, notification
from mailevents_dagster.alerts.notification import read_ledger
from mailevents_dagster.alerts.texts import NAMED
from mailevents_dagster.alerts.troubles import Ledger
from mailevents_dagster.build import build_defs
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor, Failure
from mailevents_dagster_tests.alerts.receiving import SECRET_PATH, WebhookServer
from mailevents_dagster_tests.orchestration.alert_sensor.alerting import ALERTS, Clock, fail, job_that, tick
from mailevents_dagster_tests.projects import SETTINGS, Project, project


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
