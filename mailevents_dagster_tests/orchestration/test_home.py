"""Dagster's home on its first day: made by several processes at once, and found as such a day left it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from mailevents_dagster.orchestration.home import this_instance
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster_tests.commands import hours_ago, set_up_without_home, written
from mailevents_dagster_tests.forks import side_by_side

PROCESSES = 8


def open_home(home: Path) -> None:
    os.environ["DAGSTER_HOME"] = str(home)
    with this_instance() as instance:
        instance.get_runs()
        instance.get_asset_keys()
        instance.all_instigator_state()


@pytest.mark.parametrize("round_", range(3))
def test_many_processes_may_be_the_first_in_an_empty_home(tmp_path: Path, round_: int) -> None:
    assert side_by_side(open_home, *[[tmp_path]] * PROCESSES) == [0] * PROCESSES


@pytest.mark.parametrize("broken", ["history/runs.db", "schedules/schedules.db"])
def test_a_home_that_two_processes_made_at_once_is_told_with_the_mend(tmp_path: Path, broken: str) -> None:
    with Simulator(Behaviour(events_per_hour=60), domains=["a.example", "b.example"]) as api:
        place = set_up_without_home(tmp_path, api)
        first, second = (("collect", "--hour", written(hours_ago(ago)), "--feed", "* authentication") for ago in (2, 1))
        assert place.run(*first).returncode == 0
        home = tmp_path / ".dagster"
        with closing(sqlite3.connect(home / broken)) as database, database:
            database.execute("insert into alembic_version values ('5771160a95ad')")

        told = place.run(*second)

        assert told.returncode == 2
        assert f"Dagster's records in {home} were made by two processes at once" in told.stderr
        assert "Move its folders `history` and `schedules` away" in told.stderr
        assert "Traceback" not in told.stderr
        for folder in ("history", "schedules"):
            shutil.move(home / folder, tmp_path / folder)
        assert place.run(*second).returncode == 0
