"""A collection that is told to end."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from mailevents_dagster.model.hour import last_ended
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, Simulator
from mailevents_dagster_tests.collecting_process import collecting_process
from mailevents_dagster_tests.conftest import DOMAIN

PATIENCE = 60.0


def journaled(folder: Path) -> int:
    return sum(journal.read_bytes().count(b"\n") for journal in (folder / "journal").rglob("*.journal"))


@pytest.mark.slow
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
