"""A collection killed at some moment, and the one after it. MAILEVENTS_KILLS sets how many; `make soak` has 200."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import orjson
import pytest

from mailevents_dagster.model.hour import last_ended
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster_tests.collecting_process import FEED, collect, store_in
from mailevents_dagster_tests.forks import FORKS

pytestmark = pytest.mark.slow

KILLS = int(os.environ.get("MAILEVENTS_KILLS", "8"))
IN_FLIGHT = 2
"""Calls that a killed process may have had under way: what the next one asks for again at most."""


@pytest.mark.parametrize("seed", range(KILLS))
def test_after_a_kill_at_some_moment_nothing_is_missing_or_twice_and_few_calls_are_repeated(
    tmp_path: Path, seed: int
) -> None:
    hour = last_ended(time.time() - 7200, "UTC")
    with Simulator(Behaviour(events_per_hour=120), domains=[FEED.domain]) as simulator:
        truth = simulator.truth(FEED.domain, FEED.name, hour.start, hour.end)
        details = sum(bool(mail.get("queue_id") and mail.get("recipients")) for mail in truth)
        # Up to three more than there are calls: then the kill meets the commit, or comes after it.
        last_call = random.Random(seed).randrange(1, details + 5)
        collecting = FORKS.Process(target=collect, args=(tmp_path, simulator.base_url, hour))
        collecting.start()
        while len(simulator.calls) < last_call and collecting.is_alive():
            time.sleep(0.001)
        collecting.kill()
        collecting.join()

        collect(tmp_path, simulator.base_url, hour)

        assert simulator.calls.count("detail") <= details + IN_FLIGHT
    log = Path(str(store_in(tmp_path).layout.log(FEED, hour))).read_bytes().splitlines()
    assert sorted(map(orjson.loads, log), key=orjson.dumps) == sorted(truth, key=orjson.dumps)
    assert len(store_in(tmp_path).dataset(FEED, [hour]).to_table()) == len(truth)
    assert not list(tmp_path.rglob("*.partial"))
    assert not list(tmp_path.rglob("*.journal"))
