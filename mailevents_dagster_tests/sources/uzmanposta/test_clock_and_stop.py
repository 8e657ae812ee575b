"""The clock of this machine against the API's, and a collection that is told to end."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from mailevents_dagster.hours import last_ended
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting import collecting_process
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, MakeApi

PATIENCE = 60.0


@pytest.mark.parametrize(("ahead", "way"), [(600, "ahead of"), (-600, "behind")])
def test_an_hour_is_closed_by_the_apis_clock_and_the_difference_is_said(
    store: Store, make_api: MakeApi, ahead: int, way: str
) -> None:
    hour = last_ended(time.time() - 7200, "UTC")
    with Simulator(now=lambda: time.time() - ahead) as simulator, store.open_hour(AUTHENTICATION, hour) as work:
        found = collect_hour(make_api(simulator.base_url), work, settle_seconds=0)
    [note] = found.notes
    assert way in note
    assert found.listed_at == pytest.approx(time.time() - ahead, abs=60)


def test_clocks_that_agree_are_not_mentioned(store: Store, make_api: MakeApi) -> None:
    with Simulator() as simulator, store.open_hour(AUTHENTICATION, last_ended(time.time(), "UTC")) as work:
        assert collect_hour(make_api(simulator.base_url), work, settle_seconds=0).notes == ()


def journaled(folder: Path) -> int:
    return sum(journal.read_bytes().count(b"\n") for journal in (folder / "journal").rglob("*.journal"))


@pytest.mark.parametrize("told", [signal.SIGINT, signal.SIGTERM])
def test_a_collection_ends_when_told_to_inside_a_long_pause_and_keeps_its_journal(tmp_path: Path, told: int) -> None:
    hour = last_ended(time.time() - 7200, "UTC")
    with Simulator(Behaviour(events_per_hour=300), domains=[DOMAIN]) as simulator:
        simulator.fail_next("/logs/mail/", Answer(), times=5)
        simulator.fail_next("/logs/mail/", Answer(429, {"Retry-After": "600"}), times=None)
        command = collecting_process(tmp_path, simulator.base_url, hour)
        with subprocess.Popen(command, stderr=subprocess.PIPE) as collecting:
            while simulator.calls.count("detail", 429) == 0 or journaled(tmp_path) < 5:
                assert collecting.poll() is None
                time.sleep(0.01)
            collecting.send_signal(told)
            assert collecting.wait(PATIENCE) != 0  # of the 600 seconds it was told to wait
    assert journaled(tmp_path) == 5
    assert not list(tmp_path.rglob("*.partial"))
