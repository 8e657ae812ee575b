"""Code server, daemon, web interface and runs in containers of their own collect what one process would."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.sources.uzmanposta.simulator import Behaviour
from mailevents_dagster_tests.containers import together
from mailevents_dagster_tests.projects import busy_hours

pytestmark = [pytest.mark.programs, pytest.mark.slow]

VOLUME = "/var/lib/mailevents/data"


def test_a_backfill_through_the_web_interface_is_the_truth_and_each_run_has_a_container_of_its_own(
    tmp_path: Path,
) -> None:
    hours = busy_hours()
    with together(tmp_path, VOLUME, {}, Behaviour(events_per_hour=60), {}) as all_of_it:
        assert all_of_it.wait_for(all_of_it.backfill(hours)) == "COMPLETED_SUCCESS", all_of_it.engine.printed()
        assert all_of_it.differing(hours) == []
        assert len(all_of_it.containers_of_runs) == len(all_of_it.runs) > 0
