"""`mailevents status` as a process, on a store that a collection left."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.conftest import AUTHENTICATION, collection, event

pytestmark = pytest.mark.slow

SETTINGS = """
start: {start}
storage: ./data
api: {{base_url: simulator}}
accounts: [{{domain: example.com, feeds: [authentication, mail/incominglog]}}]
"""
Status = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def file(tmp_path: Path, newest: Hour) -> Path:
    first = Hour(newest.start - 4 * 3600, "UTC")
    path = tmp_path / "mailevents.yaml"
    path.write_text(SETTINGS.format(start=f"{first.key[:10]}T{first.key[11:]}"))
    return path


@pytest.fixture
def store(file: Path) -> Store:
    return store_of(load_settings(file, environ={}))


@pytest.fixture
def status(file: Path) -> Status:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environ = {"MAILEVENTS_CONFIG": str(file), "PATH": "/usr/bin"}
        return mailevents("status", *arguments, environ=environ)

    return run


def keep(store: Store, hour: Hour) -> None:
    with store.open_hour(AUTHENTICATION, hour) as work:
        work.commit(collection([event(hour.start)]))


def of_authentication(answer: str) -> dict[str, Any]:
    [found] = [one for one in json.loads(answer)["feeds"] if one["feed"] == "example.com authentication"]
    return dict(found)


def of_manifests(answer: str) -> dict[str, Any]:
    """What can be known of manifests and does not change by the second: not when they were written, nor the lag."""
    left_out = ("last_collected", "lag_seconds")
    return {name: value for name, value in of_authentication(answer).items() if name not in left_out}


def test_it_says_what_is_closed_and_what_is_missing(status: Status, store: Store, newest: Hour) -> None:
    keep(store, newest.previous)
    keep(store, newest.previous.previous.previous)

    found = of_authentication(status("--json").stdout)

    assert found["closed_until"] == newest.previous.key
    assert found["closed_hours"] == 2
    assert found["missing_hours"] >= 3
    assert found["gaps"][0][0] == Hour(newest.start - 4 * 3600, "UTC").key
    assert "hours of 2 feeds are missing" in status().stdout


def test_it_says_what_failed_and_why(status: Status, store: Store, newest: Hour) -> None:
    with pytest.raises(RuntimeError), store.open_hour(AUTHENTICATION, newest):
        raise RuntimeError("the moon was full")

    found = of_authentication(status("--json").stdout)

    assert (found["failing_hours"], found["last_failure"]) == (1, "RuntimeError: the moon was full")
    assert "the moon was full" in status().stdout


def test_cursors_can_be_made_anew_from_the_manifests(status: Status, store: Store, newest: Hour) -> None:
    keep(store, newest)
    before = of_manifests(status("--json").stdout)
    Path(str(store.layout.cursor(AUTHENTICATION))).write_bytes(b"rubbish")
    assert not of_authentication(status("--json").stdout)["readable"]

    done = status("--json", "--rebuild-cursors")

    assert "2 feeds" in done.stderr
    assert of_manifests(done.stdout) == before


def test_what_lies_before_a_feeds_own_first_hour_is_not_missing(status: Status, store: Store, newest: Hour) -> None:
    write_cursor(store.layout.cursor(AUTHENTICATION), Cursor(first=newest.start), "UTC")
    keep(store, newest.previous.previous)
    before = of_manifests(status("--json").stdout)
    assert (before["gaps"][0][0], before["closed_hours"], before["forgotten_hours"]) == (newest.key, 1, 0)
    assert of_manifests(status("--json", "--rebuild-cursors").stdout) == before


def test_the_verdict_is_one_line_wherever_it_goes(status: Status, store: Store, newest: Hour) -> None:
    with pytest.raises(RuntimeError), store.open_hour(AUTHENTICATION, newest):
        raise RuntimeError(", ".join(["the moon was full"] * 20))

    assert status().stdout.splitlines()[-1].endswith("the moon was full.")
    assert "1 feed failing, example.com authentication with RuntimeError" in status().stdout


def test_an_hour_that_is_being_collected_is_no_failure(status: Status, store: Store, newest: Hour) -> None:
    heartbeats = Heartbeats(store.layout, {}, "UTC")
    with store.open_hour(AUTHENTICATION, newest), heartbeats.beating(AUTHENTICATION, newest):
        found = of_authentication(status("--json").stdout)

    assert (found["at_work"], found["failing_hours"], found["last_failure"]) == (newest.key, 0, None)


# --- what was learnt of the API


def note(store: Store, cursor: Cursor) -> None:
    write_cursor(store.layout.cursor(AUTHENTICATION), cursor, "UTC")


def test_hours_that_the_api_refused_as_too_old_are_said_to_be_gone_and_spoil_nothing(
    status: Status, store: Store, newest: Hour
) -> None:
    third = Hour(newest.start - 2 * 3600, "UTC")
    note(store, Cursor().gone(third, time.time()))
    for hour in (newest, newest.previous, newest.next):
        keep(store, hour)

    found = of_authentication(status("--json").stdout)
    said = status()

    assert (found["missing_hours"], found["gaps"], found["forgotten_hours"]) == (0, [], 3)
    assert found["reach_days"] == pytest.approx((time.time() - third.start) / 86_400, abs=0.05)
    days = f"{found['reach_days']:.1f}"
    assert f"example.com authentication: the source refuses hours older than {days} days; 3 hours" in said.stdout
    assert "hours of 1 feed are missing" in said.stdout, "those of the other feed"


def test_how_many_rows_the_api_shows_is_said_where_that_is_fewer_than_the_settings_say(
    status: Status, store: Store
) -> None:
    note(store, Cursor(learnt={"page_rows": 500.0}))

    assert of_authentication(status("--json").stdout)["rows_shown"] == 500
    assert "example.com authentication: the source shows at most 500 rows at a time" in status().stdout


def test_hours_that_are_not_over_by_the_apis_clock_are_not_missing(status: Status, store: Store, newest: Hour) -> None:
    note(store, Cursor(clock=-2 * 3600.0))

    found = of_authentication(status("--json").stdout)

    assert found["gaps"][0][1] <= newest.previous.key
    assert found["clock_seconds"] == -7200
    assert "this machine's clock is 7,200 s ahead of the source's" in status().stdout


def test_a_feed_that_was_told_to_wait_is_shown_with_the_time(status: Status, store: Store, newest: Hour) -> None:
    until = time.time() + 7200
    note(store, Cursor().ended(newest, time.time(), "rate", "The API says to wait", until))

    said = datetime.fromtimestamp(until, UTC).isoformat(timespec="seconds")
    assert of_authentication(status("--json").stdout)["waits_until"] == said
    assert f"waits until {said}" in status().stdout
