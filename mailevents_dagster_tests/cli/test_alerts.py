"""`mailevents alerts` as a process: what is wrong, and whether messages arrive."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailevents_dagster.alerts.troubles import Entry, Kind, Ledger, Subject, Trouble, ledger_content
from mailevents_dagster.files.checksummed import write_sealed
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.alerts.receiving import (
    PASSWORD,
    SECRET_PATH,
    USER,
    MailServer,
    WebhookServer,
)
from mailevents_dagster_tests.commands import mailevents

SETTINGS = """
start: 2026-11-01T00:00
storage: ./data
api: {base_url: simulator}
accounts: [{domain: example.com, feeds: [authentication]}]
"""
BOTH = """
alerts:
  webhook: ${{THE_WEBHOOK}}
  mail: {{to: [ops@example.com], from: {user}, smtp_host: 127.0.0.1, smtp_port: {port}, starttls: false, user: {user},
         password: "${{THE_PASSWORD}}"}}
"""
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mailevents.yaml"
    path.write_text(SETTINGS)
    return path


@pytest.fixture
def run(file: Path, chat: WebhookServer) -> Run:
    def ran(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        secrets = {"THE_WEBHOOK": chat.url, "THE_PASSWORD": PASSWORD, **more}
        environ = {**os.environ, "MAILEVENTS_CONFIG": str(file), **secrets}
        done = mailevents("alerts", *arguments, environ=environ)
        assert not [secret for secret in secrets.values() if secret in done.stdout + done.stderr]
        assert "Traceback" not in done.stderr
        return done

    return ran


def test_the_test_says_which_channel_took_it(run: Run, file: Path, chat: WebhookServer, post: MailServer) -> None:
    file.write_text(SETTINGS + BOTH.format(user=USER, port=post.port))

    done = run("--test")

    assert (done.returncode, done.stdout.splitlines()) == (
        0,
        ["webhook took the test message.", "mail took the test message."],
    )
    assert "this is a test" in chat.texts[0]
    assert post.mails[0]["Subject"] == "mailevents: this is a test"


def test_the_test_says_which_channel_did_not(run: Run, file: Path, chat: WebhookServer, post: MailServer) -> None:
    file.write_text(SETTINGS + BOTH.format(user=USER, port=post.port))
    chat.status = 403

    done = run("--test", "--json")

    assert done.returncode == 1
    said = "it answered 403; is the address still the right one?"
    assert json.loads(done.stdout)["channels"] == [
        {"channel": "webhook", "taken": False, "fault": said},
        {"channel": "mail", "taken": True, "fault": ""},
    ]
    assert f"webhook did not take the test message: {said}" in run("--test").stdout


def test_a_wrong_password_is_said(run: Run, file: Path, post: MailServer) -> None:
    file.write_text(SETTINGS + BOTH.format(user=USER, port=post.port))

    done = run("--test", THE_PASSWORD="another-s3cret")

    assert done.returncode == 1
    assert "mail did not take the test message: it does not accept user and password" in done.stdout


def test_without_channels_there_is_nothing_to_test(run: Run) -> None:
    done = run("--test")

    assert done.returncode == 3
    assert "No channel is configured" in done.stderr


def test_without_troubles_it_says_so_and_who_is_told(run: Run, file: Path, post: MailServer) -> None:
    assert run().returncode == 0
    assert run().stdout.startswith("Nobody is told: no channel is configured")
    file.write_text(SETTINGS + BOTH.format(user=USER, port=post.port))
    assert run().stdout == "Nothing is wrong that somebody would be told of.\n"


def test_it_lists_what_is_wrong_and_when_somebody_was_told(run: Run, file: Path) -> None:
    now = time.time()
    trouble = Trouble(Subject(Kind.FEED, "example.com authentication"), "dns")
    untold = Trouble(Subject(Kind.JOB, "housekeeping"), "OSError")
    ledger = Ledger({trouble: Entry(now, now, "[no] answer", None, now), untold: Entry(now, now, "full")})
    write_sealed(store_of(load_settings(file, environ={})).layout.alerts, ledger_content(ledger))

    done = run()

    assert done.returncode == 1
    assert "feed example.com authentication" in done.stdout
    assert "[no] answer" in done.stdout
    assert "not yet" in done.stdout
    listed = json.loads(run("--json").stdout)["troubles"]
    assert [(one["subject"], one["cause"], one["told"]) for one in listed] == [
        ("example.com authentication", "dns", now),
        ("housekeeping", "OSError", None),
    ]


def test_a_damaged_ledger_is_one_sentence(run: Run, file: Path) -> None:
    path = Path(str(store_of(load_settings(file, environ={})).layout.alerts))
    path.parent.mkdir(parents=True)
    path.write_bytes(b"{")

    done = run()

    assert done.returncode == 1
    assert "alerts.json is not as it was written" in done.stderr


def test_an_address_that_is_not_safe_ends_the_command_and_is_not_shown(run: Run, file: Path) -> None:
    file.write_text(SETTINGS + "alerts: {webhook: '${THE_WEBHOOK}'}\n")

    done = run("--test", THE_WEBHOOK=f"http://hooks.example.com{SECRET_PATH}")

    assert done.returncode == 2
    assert "alerts.webhook: the address in the variable would be asked unencrypted" in done.stderr
    assert SECRET_PATH not in done.stderr
