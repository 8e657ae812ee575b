"""Dagster's records, budgets and the outbox in one PostgreSQL, as docs/postgres.md says; and that started anew."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, Simulator
from mailevents_dagster_tests.commands import KEY, Place, set_up_without_home
from mailevents_dagster_tests.orchestration.daemons import Automated
from mailevents_dagster_tests.pages import CHECKOUT, blocks_of
from mailevents_dagster_tests.postgres_server import PostgresServer

pytestmark = [pytest.mark.programs, pytest.mark.slow]

PATIENCE = 300.0


def place_in(folder: Path, api: Simulator, database: str) -> Place:
    """A project whose settings name the database, with the dagster.yaml that the page shows in its home."""
    address = database.replace("postgresql:", "postgresql+psycopg2:")
    file = folder / "mailevents.yaml"
    set_up_without_home(folder, api)
    file.write_text(file.read_text().replace("_second: null", "_second: 40") + "postgres: ${POSTGRES_URL}\n")
    (folder / ".env").write_text(f"KEY_A={KEY}\nPOSTGRES_URL={address}\n")
    (folder / ".dagster").mkdir()
    [shown] = [block.text for block in blocks_of("docs/postgres.md") if block.text.startswith("storage:")]
    (folder / ".dagster" / "dagster.yaml").write_text(shown)
    return Place(folder, api, load_settings(file, environ={"KEY_A": KEY, "POSTGRES_URL": address}))


def name_of(database: str) -> str:
    return database.rpartition("/")[2]


def wait_for(is_there: Callable[[], object]) -> None:
    until = time.monotonic() + PATIENCE
    while not is_there():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_commands_use_the_records_that_the_home_names_and_none_of_their_own(
    tmp_path: Path, database: str, postgres: PostgresServer
) -> None:
    with Simulator(Behaviour(events_per_hour=60), domains=["a.example", "b.example"]) as api:
        place = place_in(tmp_path, api, database)
        done = place.run("collect")
        assert done.returncode == 0, done.stderr
        assert place.run("status").returncode == 0
        assert place.run("verify", "--against-source").returncode == 0
    runs = "SELECT status, count(*) FROM runs GROUP BY status"
    [counted] = postgres.sql(runs, name_of(database))
    assert counted.startswith("SUCCESS|")
    assert int(postgres.sql("SELECT count(*) FROM event_logs", name_of(database))[0]) > 50
    assert postgres.sql("SELECT count(*) FROM mailevents.numbers", name_of(database)) == ["1"]  # of the one key
    assert not list((tmp_path / ".dagster").rglob("*.db"))
    assert not list((tmp_path / "data").rglob("*.budget"))


@pytest.mark.parametrize("how", ["fast", "immediate"])
def test_a_database_started_anew_in_the_middle_of_a_collection_loses_nothing_and_repeats_nothing(
    tmp_path: Path, database: str, postgres: PostgresServer, how: str
) -> None:
    # Twice what the settings allow: calls without a budget are many more, and late ones of a busy machine are not.
    behaviour = Behaviour(events_per_hour=120, requests_per_second=80)
    with Simulator(behaviour, domains=["a.example", "b.example"]) as api:
        place = place_in(tmp_path, api, database)
        with place.start("collect") as collecting:
            for calls in (20, 60, 100):
                wait_for(lambda calls=calls: api.calls.count() >= calls or collecting.poll() is not None)
                postgres.restart("fast" if how == "fast" else "immediate")
            _, said = collecting.communicate(timeout=PATIENCE)
        again = place.run("collect")
        assert again.returncode in (0, 3), said + again.stderr
        proven = place.run("verify", "--against-source")
        assert proven.returncode == 0, proven.stdout + proven.stderr
        assert api.calls.count(status=429) == 0
    assert {*postgres.sql("SELECT status FROM runs", name_of(database))} <= {"SUCCESS", "FAILURE"}


def test_the_daemon_collects_with_all_of_its_records_in_the_database(
    tmp_path: Path, database: str, postgres: PostgresServer
) -> None:
    with Simulator(Behaviour(events_per_hour=30), domains=["a.example", "b.example"]) as api:
        place = place_in(tmp_path, api, database)
        home = tmp_path / ".dagster"
        own = {"DAGSTER_HOME": str(home), "MAILEVENTS_CONFIG": str(place.settings.source), "PYTHONPATH": str(CHECKOUT)}
        (tmp_path / "home").symlink_to(home)
        address = database.replace("postgresql:", "postgresql+psycopg2:")
        project = Automated(tmp_path, {**os.environ, **own, "KEY_A": KEY, "POSTGRES_URL": address})
        with project.daemon():
            query = "SELECT count(*) FROM runs WHERE status = 'SUCCESS' AND pipeline_name = 'collect_hours'"
            wait_for(lambda: postgres.sql("SELECT to_regclass('runs')", name_of(database)) == ["runs"])
            wait_for(lambda: postgres.sql(query, name_of(database)) != ["0"])
    ticks = postgres.sql("SELECT count(*) FROM job_ticks", name_of(database))
    assert int(ticks[0]) > 0
    assert not list(home.rglob("*.db"))


def test_a_home_whose_database_is_away_says_so(tmp_path: Path) -> None:
    with Simulator(Behaviour(events_per_hour=30), domains=["a.example", "b.example"]) as api:
        place = place_in(tmp_path, api, "postgresql://mailevents:s3cret@127.0.0.1:1/mailevents")
        told = place.run("collect")
    assert told.returncode == 2
    assert "Traceback" not in told.stderr
    assert "s3cret" not in told.stdout + told.stderr
    assert f"the PostgreSQL that {tmp_path / '.dagster' / 'dagster.yaml'} names" in told.stderr
    assert "Connection refused" in told.stderr
