"""Code server, daemon, web interface and runs in containers of their own collect what one process would."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Behaviour
from mailevents_dagster_tests.containers import Together, together
from mailevents_dagster_tests.projects import busy_hours

pytestmark = [pytest.mark.programs, pytest.mark.slow]

VOLUME = "/var/lib/mailevents/data"
HOURS = busy_hours()


@pytest.fixture(scope="module")
def all_of_it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Together]:
    folder = tmp_path_factory.mktemp("together")
    with together(folder, VOLUME, {}, Behaviour(events_per_hour=60), {"poll_interval_seconds": 1}) as started:
        yield started


def test_a_run_whose_container_is_lost_is_found_and_its_hours_are_collected_again(all_of_it: Together) -> None:
    api = all_of_it.api
    api.behaviour = replace(api.behaviour, latency_seconds=1.0)
    lost = all_of_it.backfill(HOURS)
    all_of_it.until(lambda: api.calls.count("detail"))  # so that a run is in the middle of an hour
    for container in all_of_it.containers_of_runs:
        if container.status == "running":
            all_of_it.engine.lose(container)
    api.behaviour = replace(api.behaviour, latency_seconds=0.0)
    assert all_of_it.wait_for(lost) == "COMPLETED_FAILED"
    assert "FAILURE" in all_of_it.runs.values()
    assert all_of_it.wait_for(all_of_it.backfill(HOURS)) == "COMPLETED_SUCCESS", all_of_it.engine.printed()
    assert all_of_it.differing(HOURS) == []


def test_each_run_has_a_container_of_its_own(all_of_it: Together) -> None:
    hours = [HOURS[0].previous]
    assert all_of_it.wait_for(all_of_it.backfill(hours)) == "COMPLETED_SUCCESS", all_of_it.engine.printed()
    assert all_of_it.differing(hours) == []
    assert len(all_of_it.containers_of_runs) == len(all_of_it.runs)
