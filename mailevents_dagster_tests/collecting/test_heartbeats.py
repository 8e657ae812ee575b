"""Heartbeats on disk, beside a real collection."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.collecting import heartbeats as module
from mailevents_dagster.collecting.heartbeats import Heartbeats
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient
from mailevents_dagster.sources.uzmanposta.errors import ApiError
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, NOON, START, MakeApi, mail


@pytest.fixture
def heartbeats(store: Store) -> Heartbeats:
    return Heartbeats(store.layout, {}, "Europe/Istanbul")


def read(heartbeats: Heartbeats, feed: Feed = INCOMING) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(heartbeats.path(feed).read_bytes())
    return content


def test_a_feed_runs_while_it_is_collected_and_is_completed_afterwards(heartbeats: Heartbeats) -> None:
    with heartbeats.beating(INCOMING, NOON):
        during = read(heartbeats)
    after = read(heartbeats)

    assert (during["status"], during["hour"], during["pid"]) == ("running", NOON.key, os.getpid())
    assert (after["status"], after["hour"], after["error"]) == ("completed", None, None)
    assert during["last_heartbeat"].endswith("+03:00")
    assert after["metrics"]["hours"] == 1


def test_a_feed_that_failed_says_why_until_it_is_collected_again(heartbeats: Heartbeats) -> None:
    with pytest.raises(RuntimeError), heartbeats.beating(INCOMING, NOON):
        raise RuntimeError("the disk is on fire")
    assert read(heartbeats)["status"] == "error"
    assert read(heartbeats)["error"] == f"{NOON}: the disk is on fire"

    with heartbeats.beating(INCOMING, NOON):
        pass
    assert read(heartbeats)["status"] == "completed"
    assert read(heartbeats)["error"] is None
    assert (read(heartbeats)["metrics"]["hours"], read(heartbeats)["metrics"]["failed_hours"]) == (1, 1)


def test_a_feed_runs_until_the_last_of_its_hours_at_work_has_ended(heartbeats: Heartbeats) -> None:
    with heartbeats.beating(INCOMING, NOON.next):
        with pytest.raises(RuntimeError), heartbeats.beating(INCOMING, NOON):
            raise RuntimeError("the disk is on fire")
        between = read(heartbeats)
    after = read(heartbeats)

    assert between["status"] == "running"
    assert after["status"] == "completed"
    assert (after["metrics"]["hours"], after["metrics"]["failed_hours"]) == (1, 1)


def test_it_goes_on_beating_through_long_work(heartbeats: Heartbeats, monkeypatch: pytest.MonkeyPatch) -> None:
    beaten = threading.Event()
    real, times = module.show, []

    def show(path: Path, content: bytes) -> None:
        real(path, content)
        times.append(json.loads(content)["last_heartbeat_unix"])
        if len(times) == 4:
            beaten.set()

    monkeypatch.setattr(module, "show", show)
    monkeypatch.setattr(module, "BEAT_EVERY", 0.01)
    with heartbeats.beating(INCOMING, NOON):
        assert beaten.wait(60), "one at the beginning and three without anything to report"
    assert times == sorted(times)


def test_every_ten_seconds_is_kept() -> None:
    assert module.BEAT_EVERY <= 10


@pytest.mark.parametrize(
    ("feed", "names", "path"),
    [
        (INCOMING, {}, "example.com/mail/incominglog/example.com-mail-incominglog_heartbeat.json"),
        (AUTHENTICATION, {}, "example.com/authentication/example.com-authentication_heartbeat.json"),
        (INCOMING, {INCOMING: "ACME in"}, "example.com/mail/incominglog/ACME in_heartbeat.json"),
    ],
)
def test_the_file_lies_beside_the_logs_and_is_called_as_monitors_know_the_feed(
    store: Store, feed: Feed, names: Mapping[Feed, str], path: str
) -> None:
    heartbeats = Heartbeats(store.layout, names, "UTC")
    with heartbeats.beating(feed, NOON):
        pass
    assert heartbeats.path(feed) == Path(str(store.layout.root)) / "output" / path
    assert heartbeats.path(feed).exists()
    assert heartbeats.path(feed).parent == Path(str(store.layout.log(feed, NOON))).parent


def test_a_file_that_cannot_be_written_is_told_and_holds_nothing_up(
    heartbeats: Heartbeats, caplog: pytest.LogCaptureFixture
) -> None:
    heartbeats.path(INCOMING).mkdir(parents=True)

    with heartbeats.beating(INCOMING, NOON) as beat:
        pass

    assert beat.hours == 1
    assert "cannot be written" in caplog.text


def test_a_collection_counts_its_calls_events_and_failures(
    store: Store, fixed: FixedMail, simulator: Simulator, make_api: MakeApi, waits: list[float]
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(START + place) for place in range(5)])
    simulator.fail_next("/logs/mail", Answer(500), times=1)
    collector = collector_in(store)

    with collector.hour(UzmanPostaClient(make_api(simulator.base_url)), INCOMING, NOON) as (work, found):
        work.commit(found)

    metrics = read(collector.heartbeats)["metrics"]
    assert metrics["events"] == 5
    assert metrics["api_calls"] == len(simulator.calls)
    assert metrics["api_errors"] == 1
    assert 0 < metrics["api_ms_min"] <= metrics["api_ms_mean"] <= metrics["api_ms_max"]
    assert metrics["events_per_second"] > 0


def test_an_hour_that_cannot_be_collected_is_an_error_with_the_reason(
    store: Store, simulator: Simulator, make_api: MakeApi, caplog: pytest.LogCaptureFixture
) -> None:
    simulator.fail_next("/logs/mail", Answer(403), times=None)
    collector = collector_in(store)
    caplog.set_level(logging.CRITICAL)

    with (
        pytest.raises(ApiError),
        collector.hour(UzmanPostaClient(make_api(simulator.base_url)), INCOMING, Hour(START, "UTC")),
    ):
        pass

    assert read(collector.heartbeats)["status"] == "error"
    assert "403" in read(collector.heartbeats)["error"]
