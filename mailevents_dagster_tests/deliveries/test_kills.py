"""A delivery killed at some moment, and the one after it. MAILEVENTS_KILLS sets how many; `make soak` has 200."""

from __future__ import annotations

import json
import os
import random
import re
import threading
from collections import Counter
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.message import Counts
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster_tests.deliveries.delivering_process import delivered_from, delivering_process
from mailevents_dagster_tests.deliveries.messages import QUEUE, messages, total
from mailevents_dagster_tests.deliveries.sqs_service import ANSWER_LOST, Fault, Gateway, Moto, error
from mailevents_dagster_tests.forks import PATIENCE

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("credentials")]

KILLS = int(os.environ.get("MAILEVENTS_KILLS", "6"))
MESSAGES = 120
IN_FLIGHT = 40
"""Four batches of ten: what a killed process may have had under way."""


@pytest.mark.parametrize("seed", range(KILLS))
def test_after_a_kill_at_some_moment_nothing_is_lost_and_what_came_twice_is_named(
    path: Path, tmp_path: Path, moto: Moto, gateway: Gateway, seed: int
) -> None:
    chance, queue = random.Random(seed), f"kills-{seed}"
    moto.make_queue(queue)
    Outbox(path).note(QUEUE, messages(MESSAGES))
    last_call, moment = chance.randrange(1, MESSAGES // 10 + 1), chance.choice(["called", "answered", "told"])
    delay, is_reached = chance.choice([0.0, 0.0, chance.uniform(0, 0.02)]), threading.Event()
    faults = [None, None, None, ANSWER_LOST, error("Throttling"), Fault(fails=(0,))]
    gateway.faults.extend(chance.choice(faults) for _ in range(4))
    lost_answers = gateway.faults.count(ANSWER_LOST)

    is_started = threading.Event()

    def kill(number: int, at: str) -> None:
        if (number, at) == (last_call, moment):
            assert is_started.wait(PATIENCE)
            is_reached.wait(delay)
            delivering.kill()

    gateway.when_called = kill
    delivering = delivering_process(path, queue, gateway.url, log := tmp_path / "log")
    is_started.set()
    delivering.join(PATIENCE)
    assert delivering.exitcode is not None
    uncertain = total(Outbox(path)).uncertain
    done = delivered_from(path, queue, gateway.url)

    arrived = Counter(json.loads(body)["event_id"] for body in gateway.bodies)
    assert {*arrived} == {one.key for one in messages(MESSAGES)}
    named = {*done.repeated, *re.findall(r"event-\d+", log.read_text())}
    assert {key for key, times in arrived.items() if times > 1} <= named
    assert uncertain <= IN_FLIGHT + 10 * lost_answers
    assert total(Outbox(path)) == Counts(taken=MESSAGES)
