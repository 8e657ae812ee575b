"""A made-up webhook: the same events for everybody, however often they are asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.webhook.simulator import AN_HOUR, simulate
from mailevents_dagster_tests.sources.webhook.places import NOON, START, Place


def simulated(folder: Path, *times: float) -> list[dict[str, object]]:
    here = Place(folder)
    for now in times:
        simulate(here.spool, START, now)
        here.now = now
        here.collect()
    return here.rows()


@pytest.mark.slow
def test_an_hour_is_the_same_in_one_piece_and_in_many(tmp_path: Path) -> None:
    end = NOON.end + 700.0
    whole = simulated(tmp_path / "one", end)
    pieces = simulated(tmp_path / "many", *(NOON.start + 300.0 * number for number in range(1, 12)), end)
    assert whole == pieces
    assert len(whole) in range(AN_HOUR - 1, AN_HOUR + 2)  # a mail stands where it arrives, a second later
    assert len({row["id"] for row in whole}) == len(whole)


def test_its_receiver_always_ran(tmp_path: Path) -> None:
    here = Place(tmp_path, now=NOON.end + 700.0)
    simulate(here.spool, START, NOON.start - 40 * 3600.0)
    simulate(here.spool, START, here.now)
    long_ago = Hour(NOON.start - 50 * 3600, "UTC")
    for hour in (long_ago, NOON):
        found, done = here.collect(hour)
        assert found.measures["receiver_down_seconds"] == 0
        assert done.manifest.complete
        assert done.manifest.events
