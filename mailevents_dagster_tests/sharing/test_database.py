"""The database that machines share: its tables, its connections, and what is said when it cannot be used."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time

import pytest

from mailevents_dagster.sharing.database import MOST_CONNECTIONS, SESSION, Database
from mailevents_dagster.sharing.database_errors import AwayError, DatabaseError
from mailevents_dagster_tests.forks import side_by_side
from mailevents_dagster_tests.postgres_server import PASSWORD, PostgresServer

pytestmark = [pytest.mark.programs, pytest.mark.slow]


@pytest.fixture
def shared(database: str) -> Database:
    return Database(database)


def name_of(url: str) -> str:
    return url.rpartition("/")[2]


def make(url: str) -> None:
    with Database(url).transaction() as connection:
        assert connection.execute("SELECT count(*) FROM numbers, messages").fetchone() == (0,)


def test_many_processes_may_be_the_first_in_an_empty_database(database: str, postgres: PostgresServer) -> None:
    assert side_by_side(make, *[[database]] * 6) == [0] * 6
    assert postgres.sql("SELECT number FROM mailevents.version", name_of(database)) == ["2"]


def test_a_role_without_the_right_to_make_tables_uses_those_that_are_there(
    shared: Database, postgres: PostgresServer
) -> None:
    name = name_of(shared.url)
    postgres.sql(f"CREATE ROLE r_{name} LOGIN PASSWORD 'x'", name)
    poor = Database(shared.url.replace(f"mailevents:{PASSWORD}", f"r_{name}:x"))
    with pytest.raises(DatabaseError, match=r"refuses: permission denied .*; the role lacks a right: grant it CREATE"):
        make(poor.url)
    make(shared.url)
    postgres.sql(f"GRANT USAGE ON SCHEMA mailevents TO r_{name}", name)
    postgres.sql(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mailevents TO r_{name}", name)
    make(poor.url)
    poor.close()


def test_tables_of_a_newer_version_are_left_alone(database: str, postgres: PostgresServer) -> None:
    make(database)
    Database(database).close()
    postgres.sql("UPDATE mailevents.version SET number = 99", name_of(database))
    with pytest.raises(DatabaseError, match="newer version of this program; install that one again"):
        make(database)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((PASSWORD, "wrong"), "password authentication failed"),
        (("/test_", "/none_"), "does not exist"),
        (("127.0.0.1", "nobody.invalid"), "nobody.invalid"),
        (("mailevents:", "%zz:"), "cannot be read"),
    ],
)
def test_what_cannot_be_used_is_told_with_its_place_and_without_the_password(
    database: str, change: tuple[str, str], said: str
) -> None:
    url = database.replace(*change)
    with pytest.raises(DatabaseError) as told:
        make(url)
    assert said in str(told.value)
    assert not [secret for secret in (PASSWORD, "wrong@") if secret in f"{told.value!r} {Database(url)!r}"]
    assert "postgres" in str(told.value)


def test_threads_take_turns_with_few_connections_and_those_that_nobody_needs_are_closed(
    shared: Database, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mailevents_dagster.sharing.database.IDLE", 0.2)
    most: list[int] = []

    def work() -> None:
        with shared.transaction() as connection:
            found = connection.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()")
            most.append(found.fetchone()[0])  # type: ignore[index]

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(most) == 16
    assert max(most) <= MOST_CONNECTIONS
    until = time.monotonic() + 60
    while int(postgres.sql(f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name_of(shared.url)}'")[0]):
        assert time.monotonic() < until


def test_a_transaction_under_way_when_the_database_ends_counts_for_nothing_and_the_next_one_does(
    shared: Database, postgres: PostgresServer
) -> None:
    tries = 0

    def work() -> None:
        nonlocal tries
        tries += 1
        with shared.transaction() as connection:
            connection.execute("INSERT INTO numbers VALUES (%s, '{}')", [f"of try {tries}"])
            if tries <= 2:
                postgres.restart("immediate" if tries == 1 else "fast")

    shared.patiently(work)
    with shared.transaction() as connection:
        assert connection.execute("SELECT name FROM numbers").fetchall() == [("of try 3",)]


def test_who_holds_a_row_and_does_nothing_lets_go_of_it(shared: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SESSION, "idle_in_transaction_session_timeout", "200ms")
    ended = threading.Event()

    def stand_still() -> None:
        with shared.transaction() as connection:
            connection.execute("INSERT INTO numbers VALUES ('x', '{}')")
            ended.wait(1.0)
            connection.execute("SELECT 1")

    with pytest.raises(AwayError, match="idle-in-transaction"):
        stand_still()


def test_without_the_extra_it_says_what_to_install() -> None:
    script = """
import sys
sys.modules["psycopg"] = None
from mailevents_dagster.sharing.database import Database, DatabaseError
try:
    with Database("postgresql://u@localhost/x").transaction(): pass
except DatabaseError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout == "psycopg is not installed: pip install 'mailevents-dagster[postgres]'\n"
