"""Collections killed at random moments among rotations, while a writer never stops. MAILEVENTS_KILLS sets how many."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.store.verify import verify_hour
from mailevents_dagster_tests.sources.maillog.killed_collections import KilledCollections
from mailevents_dagster_tests.sources.maillog.mail_server import LINES, MailServer, mail_server
from mailevents_dagster_tests.sources.maillog.reading.server import NOON, PACKERS, GrowingLog
from mailevents_dagster_tests.sources.maillog.reading.writing import SECONDS_A_LINE, number_of, writing

pytestmark = pytest.mark.slow
KILLS = int(os.environ.get("MAILEVENTS_KILLS", "10"))
COUNT = 1000 * KILLS
HOURS = [Hour(start, "UTC") for start in range(NOON, NOON + COUNT * SECONDS_A_LINE, SECONDS)]
LONGEST = 0.25
"""Seconds after which a collection is killed at the latest; most take less."""


def test_kills_among_rotations_leave_nothing_missing_and_nothing_twice(tmp_path: Path) -> None:
    server, numbers, kills = mail_server(tmp_path), random.Random(KILLS), 0
    log = GrowingLog(server.log.parent, server.log.name)
    with KilledCollections(tmp_path) as collections, writing(server.log, COUNT) as writer:
        while writer.poll() is None or kills < KILLS:
            hours = sorted(numbers.sample(HOURS, min(3, len(HOURS))))
            ended = collections.collect(hours, numbers.uniform(0.001, LONGEST))
            assert ended in ("killed", "committed", "later")
            kills += ended == "killed"
            _rotate(log, numbers)
        for hours_again in (HOURS, HOURS[:3]):
            assert collections.collect(hours_again) == "committed"
    assert writer.returncode == 0
    _check(server)


def _rotate(log: GrowingLog, numbers: random.Random) -> None:
    if numbers.random() < 0.3 and log.path.exists() and log.path.stat().st_size:
        log._shift()
        log.path.rename(log.path.with_name(f"{log.path.name}.1"))
    old = [path for path in log.numbered() if log.number(path) > 1 and path.suffix not in PACKERS]
    if old and numbers.random() < 0.3:
        log.pack(old[0], numbers.choice([*PACKERS]))


def _check(server: MailServer) -> None:
    found: list[int | None] = []
    for hour in HOURS:
        found += map(number_of, server.column(LINES, "raw", hour))
        manifest = server.store.manifest(LINES, hour)
        assert manifest
        assert manifest.complete
        assert sum(one.lines for one in manifest.ranges) == manifest.events
        assert not verify_hour(server.store, LINES, hour).findings
    assert found == [*range(COUNT)]
