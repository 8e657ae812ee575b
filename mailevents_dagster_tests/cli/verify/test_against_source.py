"""`mailevents verify --against-source`: what is stored beside what the API shows now."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.cli.verify.collected import HOLD, Verify, collect, sign_in, written
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, collection, event, mail


def test_the_api_that_shows_the_same_is_listed_again_without_details(
    verify: Verify, store: Store, settings: Settings, api: Simulator, fixed: FixedMail, newest: Hour
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(newest.start + second) for second in (0, 5, 3599)])
    fixed.add(DOMAIN, AUTHENTICATION.name, [sign_in(newest.start + 9)] * 2)
    collect(settings, store, INCOMING, newest.previous, newest)
    collect(settings, store, AUTHENTICATION, newest)
    api.calls.clear()

    done = verify("--against-source")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 hours were listed again in 3 calls" in done.stdout
    assert (api.calls.count("list"), api.calls.count("detail")) == (3, 0)


def test_every_difference_to_the_api_is_named(
    verify: Verify, store: Store, settings: Settings, fixed: FixedMail, newest: Hour
) -> None:
    at = newest.start
    old, gone = mail(at + 5, "CHANGED", status="deferred"), mail(at + 6, "VANISHED")
    fixed.add(DOMAIN, INCOMING.name, [old, gone, mail(at + 7, "SAME")])
    fixed.add(DOMAIN, AUTHENTICATION.name, [sign_in(at + 9)])
    collect(settings, store, INCOMING, newest)
    collect(settings, store, AUTHENTICATION, newest)
    fixed.remove(DOMAIN, INCOMING.name, [old, gone])
    fixed.add(DOMAIN, INCOMING.name, [mail(at + 5, "CHANGED", status="delivered"), mail(at + 8, "ADDED")])
    fixed.add(DOMAIN, AUTHENTICATION.name, [sign_in(at + 9)] * 2)

    done = verify("--against-source")
    found = json.loads(verify("--against-api", "--json").stdout)

    assert done.returncode == 1
    for name in ("CHANGED", "VANISHED", "ADDED"):
        assert name in done.stdout
    named = {(one["feed"], one["kind"]): (one["severity"], one["names"]) for one in found["findings"]}
    assert named == {
        (str(INCOMING), "not stored"): ("difference", [f"ADDED at {when(at + 8)}"]),
        (str(INCOMING), "changed"): ("difference", [f"CHANGED at {when(at + 5)}"]),
        (str(INCOMING), "unseen"): ("note", [f"VANISHED at {when(at + 6)}"]),
        (str(AUTHENTICATION), "not stored"): ("difference", [f"2 at {when(at + 9)}"]),
    }


def when(time: int) -> str:
    hour = Hour.containing(time, "UTC")
    return f"{written(hour)[:-2]}{time % 3600 // 60:02d}:{time % 60:02d}+00:00"


def test_what_the_api_forgot_is_a_note_alone(
    verify: Verify, store: Store, settings: Settings, fixed: FixedMail, newest: Hour
) -> None:
    mails = [mail(newest.start + second) for second in range(5)]
    fixed.add(DOMAIN, INCOMING.name, mails)
    collect(settings, store, INCOMING, newest)
    fixed.remove(DOMAIN, INCOMING.name, mails)

    assert verify("--against-source").returncode == 0


def test_an_hour_that_is_not_closed_may_lack_rows(
    verify: Verify, store: Store, settings: Settings, fixed: FixedMail
) -> None:
    now_running = Hour.containing(time.time(), "UTC")
    with store.open_hour(INCOMING, now_running) as work:
        work.commit(collection([], closed=False))
    fixed.add(DOMAIN, INCOMING.name, [mail(now_running.start)])

    done = verify("--against-api", "--json")

    [finding] = json.loads(done.stdout)["findings"]
    assert (done.returncode, finding["kind"], finding["severity"]) == (0, "not stored", "note")


def test_hours_that_the_api_no_longer_has_are_skipped_and_counted(
    verify: Verify, store: Store, settings: Settings, api: Simulator, newest: Hour
) -> None:
    collect(settings, store, HOLD, newest)
    with store.open_hour(HOLD, Hour(newest.start - 8 * 86_400, "UTC")) as work:
        work.commit(collection([event(work.hour.start)]))
    api.calls.clear()

    found = json.loads(verify("--against-api", "--json").stdout)

    assert (found["compared_hours"], found["forgotten_hours"], found["failed"]) == (1, 1, 0)
    assert api.calls.count("list") == 1


@pytest.mark.parametrize(("status", "calls"), [(401, 1), (500, 2)])
def test_an_api_that_refuses_or_fails_is_told_and_ends_with_one(
    status: int, calls: int, verify: Verify, store: Store, settings: Settings, api: Simulator, newest: Hour
) -> None:
    collect(settings, store, INCOMING, newest.previous, newest)
    api.calls.clear()
    api.fail_next("/logs/mail", Answer(status), times=None)

    done = verify("--against-source")

    assert done.returncode == 1
    assert str(status) in done.stdout
    assert "0 hours were listed again in 0 calls, 2 were not" in done.stdout
    assert api.calls.count() == calls  # a refused key is not tried on every hour


def test_a_key_that_cannot_be_one_is_told(
    verify: Verify, store: Store, settings: Settings, newest: Hour, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect(settings, store, INCOMING, newest)
    monkeypatch.setenv("UZMANPOSTA_KEY", "two words")

    done = verify("--against-source")

    assert done.returncode in (1, 2)
    assert "UZMANPOSTA_KEY" in done.stderr
    assert "two words" not in done.stderr


def test_the_simulator_that_settings_name_is_asked_as_well(tmp_path: Path, newest: Hour) -> None:
    file = tmp_path / "mailevents.yaml"
    file.write_text(
        "start: 2026-11-01T00:00\napi: {base_url: simulator, requests_per_second: 100}\n"
        "accounts: [{domain: example.com, feeds: [mail/incominglog]}]\n"
    )
    settings = load_settings(file)
    collect(settings, store_of(settings), INCOMING, newest)

    done = mailevents("--config", str(file), "verify", "--against-source", environ=os.environ)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 hours were listed again" in done.stdout
