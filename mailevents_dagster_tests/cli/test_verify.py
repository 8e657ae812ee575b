"""`mailevents verify` as a process, on a store that a collection left and on the API it was collected from."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.accounts import access_of
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, KEY, collection, event, mail

HOLD = feed_of(DOMAIN, "quarantine/hold")
SETTINGS = """
start: 2026-11-01T00:00
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: null, max_attempts: 1}}
accounts:
  - domain: example.com
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog, authentication, quarantine/hold]
"""
Verify = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def api(fixed: FixedMail) -> Iterator[Simulator]:
    with Simulator(source=fixed) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, api: Simulator, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("UZMANPOSTA_KEY", KEY)
    (tmp_path / "mailevents.yaml").write_text(SETTINGS.format(base_url=api.base_url))
    return load_settings(tmp_path / "mailevents.yaml")


@pytest.fixture
def store(settings: Settings) -> Store:
    return store_of(settings)


@pytest.fixture
def verify(settings: Settings, tmp_path: Path) -> Verify:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        before = contents(tmp_path / "data")
        environ = {**os.environ, "MAILEVENTS_CONFIG": str(settings.source)}
        done = mailevents("verify", *arguments, environ=environ)
        assert contents(tmp_path / "data") == before
        assert "Traceback" not in done.stderr
        assert KEY not in done.stdout + done.stderr
        return done

    return run


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the budgets, which count calls."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".budget"}


def columns(table: str) -> tuple[str, str]:
    """What is wrong and what to do, without the spaces and lines at which long paths make them break."""
    lines = [line for line in table.splitlines() if line.startswith(" ")]
    [wrong] = [line.index("what is wrong") for line in lines if "what is wrong" in line]
    [to_do] = [line.index("what to do") for line in lines if "what to do" in line]
    cells = [(line[wrong:to_do], line[to_do:]) for line in lines]
    return "".join("".join(cell for cell, _ in cells).split()), "".join("".join(cell for _, cell in cells).split())


def collect(settings: Settings, store: Store, feed: Feed, *hours: Hour) -> None:
    with UzmanPostaApi(access_of(settings, DOMAIN)) as api:
        for hour in hours:
            with store.open_hour(feed, hour) as work:
                work.commit(collect_hour(api, work))


def written(hour: Hour) -> str:
    return f"{hour.key[:10]}T{hour.key[11:]}"


def sign_in(at: int) -> dict[str, Any]:
    return {"email": "a@example.com", "service": "imap", "time": at}


def test_a_whole_store_ends_with_zero_and_says_how_much_it_is(
    verify: Verify, store: Store, settings: Settings, fixed: FixedMail, newest: Hour
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(newest.start + 5), mail(newest.start + 6)])
    collect(settings, store, INCOMING, newest.previous, newest)

    done = verify()
    found = json.loads(verify("--json").stdout)

    assert done.returncode == 0, done.stderr
    assert "2 hours with 2 events" in done.stdout
    assert "all is as it was committed" in done.stdout
    assert (found["hours"], found["events"], found["damage"], found["findings"]) == (2, 2, 0, [])
    assert found["log_bytes"] == len(store.layout.log(INCOMING, newest).read_bytes())


def test_damage_ends_with_one_and_names_file_and_remedy(
    verify: Verify, store: Store, settings: Settings, fixed: FixedMail, newest: Hour
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(newest.start + 5)])
    collect(settings, store, INCOMING, newest)
    log = Path(str(store.layout.log(INCOMING, newest)))
    log.write_bytes(log.read_bytes()[:-3])

    done = verify()
    found = json.loads(verify("--json").stdout)

    assert done.returncode == 1
    wrong, to_do = columns(done.stdout)
    assert log.name in wrong
    assert "Materializethehouragain" in to_do
    assert "1 damage" in done.stdout
    [finding] = found["findings"]
    assert (finding["feed"], finding["hour"], finding["severity"]) == (str(INCOMING), newest.key, "damage")


def test_only_the_chosen_feeds_and_hours_are_looked_at(
    verify: Verify, store: Store, settings: Settings, newest: Hour
) -> None:
    collect(settings, store, INCOMING, newest.previous, newest)
    collect(settings, store, AUTHENTICATION, newest)
    Path(str(store.layout.log(INCOMING, newest))).unlink()

    assert verify("--feed", "* authentication").returncode == 0
    assert verify("--to", written(newest)).returncode == 0
    assert verify("--from", written(newest)).returncode == 1
    assert json.loads(verify("--from", written(newest), "--json").stdout)["hours"] == 2


def test_where_nothing_is_stored_there_is_nothing_to_verify(verify: Verify, newest: Hour) -> None:
    assert verify().returncode == 3
    assert verify("--json", "--against-api").returncode == 3
    wrong = verify("--from", written(newest), "--to", written(newest))
    assert (wrong.returncode, "--from is not before --to" in wrong.stderr) == (2, True)


def test_many_notes_are_summed_up(verify: Verify, store: Store, settings: Settings, newest: Hour) -> None:
    collect(settings, store, INCOMING, newest)
    for number in range(1, 31):
        Path(str(store.layout.log(INCOMING, Hour(newest.start - number * 3600, "UTC")))).write_bytes(b"")

    done = verify()

    assert done.returncode == 0
    assert "30 notes: 30 log alone" in done.stdout
    assert ".log " not in done.stdout
    assert len(json.loads(verify("--json").stdout)["findings"]) == 30


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
