"""Whatever is killed when: each mail is in the store once, and fetched once but for what was in work."""

from __future__ import annotations

import os
import random
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

from mailevents_dagster.sources.mailbox.collect import AT_ONCE
from mailevents_dagster.sources.mailbox.simulator import Simulator, raw_message
from mailevents_dagster.sources.mailbox.simulator.server import Call
from mailevents_dagster_tests.forks import FORKS
from mailevents_dagster_tests.sources.mailbox.collecting_process import collect
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import ADDRESS, Place, mail

pytestmark = pytest.mark.slow

MAILS = 60
KILLS = int(os.environ.get("MAILEVENTS_KILLS", "6"))


class Killer(list[Call]):
    """The calls of a simulator, which ends the process that makes them after some."""

    def __init__(self) -> None:
        super().__init__()
        self.victim: BaseProcess | None = None
        self.calls_left = 0

    def append(self, call: Call, /) -> None:
        super().append(call)
        self.calls_left -= 1
        if self.victim and self.calls_left <= 0:
            self.victim.kill()


def test_a_collection_that_is_killed_at_any_moment_is_taken_up_again(
    simulator: Simulator, here: Place, tmp_path: Path
) -> None:
    mails = [mail(after, form="attached" if after % 3 else "plain") for after in range(MAILS)]
    simulator.mailbox(ADDRESS).add(*mails)
    killer = Killer()
    simulator.calls = killer
    chance = random.Random(19)
    for _ in range(KILLS):
        killer.calls_left = chance.randrange(4, MAILS)
        killer.victim = FORKS.Process(target=collect, args=(simulator.url, tmp_path))
        killer.victim.start()
        killer.victim.join()
        killer.victim = None
    here.collect()
    rows = here.rows()
    assert [row["id"] for row in rows] == [one.id for one in mails]
    for one, row in zip(mails, rows, strict=True):
        with here.blobs.open(row["blob"]) as file:
            assert file.read() == raw_message(one)
    assert here.fetched() <= MAILS + KILLS * AT_ONCE
    found, _ = here.collect()
    assert found.measures["details_reused"] == MAILS
