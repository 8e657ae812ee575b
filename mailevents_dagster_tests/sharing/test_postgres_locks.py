"""Locks in a real PostgreSQL that is restarted, dies or forgets sessions, and processes that are killed."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from mailevents_dagster.sharing import database as database_module
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.database_errors import DatabaseError
from mailevents_dagster.sharing.doubts import SURE_AFTER
from mailevents_dagster.sharing.postgres_locks import PostgresLocks, close_locks, key_of, locks_in
from mailevents_dagster.sharing.postgres_session import NAME
from mailevents_dagster_tests.forks import PATIENCE
from mailevents_dagster_tests.postgres_server import PASSWORD, USER, PostgresServer
from mailevents_dagster_tests.sharing.lockers import Clock, another, is_free
from mailevents_dagster_tests.sharing.lockers import postgres as locks_of

pytestmark = [pytest.mark.programs, pytest.mark.slow]

HOUR = "example.com/mail/incominglog/12"
STORAGE = "s3://bucket/prefix"
SHOWN = ("tcp_keepalives_idle", "tcp_keepalives_interval", "tcp_keepalives_count", "idle_session_timeout")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make(database: str, clock: Clock) -> Iterator[Callable[..., PostgresLocks]]:
    made: list[PostgresLocks] = []

    def one(storage: str = STORAGE) -> PostgresLocks:
        made.append(locks_of(database, storage, clock))
        return made[-1]

    yield one
    for locks in made:
        locks.close()


@pytest.fixture
def locks(make: Callable[..., PostgresLocks]) -> PostgresLocks:
    return make()


def sessions(postgres: PostgresServer, database: str) -> list[str]:
    """The processes on the server that hold this project's locks in a database."""
    here = f"application_name = '{NAME}' AND datname = current_database()"
    return postgres.sql(f"SELECT pid FROM pg_stat_activity WHERE {here}", database.rpartition("/")[2])


def end_sessions(postgres: PostgresServer) -> None:
    postgres.sql(f"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = '{NAME}'")


def test_two_storages_in_one_database_have_locks_of_their_own(make: Callable[..., PostgresLocks]) -> None:
    one, other = make(), make("s3://bucket/other")
    with one.holding(HOUR):
        one.sign_in("run")
        assert is_free(other, HOUR)
        with other.runs() as runs:
            assert runs == {}


def test_a_locks_number_is_the_same_everywhere_and_for_ever() -> None:
    assert key_of(STORAGE, HOUR) == -2706949359372680039


def test_a_process_has_one_session_however_many_locks_it_has(database: str, postgres: PostgresServer) -> None:
    make = partial(locks_of, database)
    names = [f"{number}" for number in range(50)]
    with another(make, *(f"a{name}" for name in names), runs=["a"]), another(make, *(f"b{name}" for name in names)):
        assert len(sessions(postgres, database)) == 2


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restarted_database_gives_everybody_his_locks_back(
    mode: str, locks: PostgresLocks, make: Callable[..., PostgresLocks], postgres: PostgresServer
) -> None:
    other = make()
    with locks.holding(HOUR):
        postgres.restart(mode)  # type: ignore[arg-type]
        with locks.holding("what comes next"):  # which makes the new session
            assert not is_free(other, HOUR)
    assert is_free(other, HOUR)


def test_what_another_took_while_the_session_was_away_is_told_and_stays_his(
    locks: PostgresLocks,
    make: Callable[..., PostgresLocks],
    postgres: PostgresServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = make()
    with locks.holding(HOUR), locks.holding("mine"):
        end_sessions(postgres)
        with other.holding(HOUR):
            assert is_free(locks, "what comes next")
            assert not is_free(other, "mine")
            assert f"{HOUR}: another process has had the lock" in caplog.text
        assert is_free(other, HOUR), "it is not waited for by who lost it"
    assert is_free(other, "mine")


def test_who_waits_while_the_database_is_restarted_has_the_lock_afterwards(
    locks: PostgresLocks, make: Callable[..., PostgresLocks], postgres: PostgresServer
) -> None:
    other, told, had = make(), threading.Event(), threading.Event()

    def wait() -> None:
        with other.holding(HOUR, told.set):
            had.set()

    with locks.holding(HOUR):
        waiter = threading.Thread(target=wait)
        waiter.start()
        assert told.wait(PATIENCE)
        postgres.restart("immediate")
    waiter.join(PATIENCE)
    assert had.is_set()


def test_a_database_that_does_not_come_back_is_told_without_its_password(
    locks: PostgresLocks, postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(database_module, "PATIENCE", 0.0)
    assert is_free(locks, HOUR)
    postgres.stop()
    try:
        with pytest.raises(DatabaseError) as refused, locks.holding(HOUR):
            pass
    finally:
        postgres.start()
    assert f"127.0.0.1:{postgres.port}" in str(refused.value)
    assert PASSWORD not in str(refused.value) + caplog.text
    assert is_free(locks, HOUR), "it is used again as soon as it is back"


def test_a_wrong_password_is_told_and_not_shown(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "THERE_WITHIN", 0.0)
    locks = locks_of(database.replace(PASSWORD, "wrong-and-secret"))
    with pytest.raises(DatabaseError, match="password authentication failed") as refused, locks.holding(HOUR):
        pass
    assert "wrong-and-secret" not in str(refused.value)


def test_the_server_lets_go_of_hosts_that_are_gone_and_of_no_session_that_says_nothing(
    locks: PostgresLocks, database: str, postgres: PostgresServer
) -> None:
    postgres.sql(f"ALTER ROLE {USER} IN DATABASE {database.rpartition('/')[2]} SET idle_session_timeout = '1ms'")
    shown = [locks._session.rows(f"SHOW {name}")[0][0] for name in SHOWN]  # type: ignore[arg-type]
    assert shown == ["10", "5", "4", "0"]


def test_a_killed_run_is_gone_at_the_second_look_and_forgotten(
    locks: PostgresLocks, database: str, clock: Clock, postgres: PostgresServer
) -> None:
    with another(partial(locks_of, database), runs=["killed"]), locks.runs() as runs:
        assert runs == {"killed": True}
    while len(sessions(postgres, database)) > 1:  # the server has not noticed yet
        pass
    with locks.runs() as runs:
        assert runs == {"killed": True}, "it may be connecting anew"
    clock.now += SURE_AFTER
    with locks.runs() as runs:
        assert runs == {"killed": False}
    with locks.runs() as runs:
        assert runs == {}


def test_a_run_whose_session_ended_is_there_again_soon(
    locks: PostgresLocks,
    make: Callable[..., PostgresLocks],
    postgres: PostgresServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("mailevents_dagster.sharing.postgres_locks.LOOK_EVERY", 0.05)
    looking = make()
    locks.sign_in("run")
    key = key_of(STORAGE, "runs/run")
    for _ in range(3):
        end_sessions(postgres)
        looking._session.rows("SELECT pg_advisory_lock(%s), pg_advisory_unlock(%s)", [0, 0])
        while not looking._session.rows(
            "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND (classid::bigint << 32) | objid::bigint = %s", [key]
        ):
            pass
        clock.now += SURE_AFTER
        with looking.runs() as runs:
            assert runs == {"run": True}


def test_a_session_that_the_server_has_not_missed_yet_keeps_no_run_from_being_there(
    locks: PostgresLocks, make: Callable[..., PostgresLocks], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """The connection broke on the way: the server knows nothing of it, and the old session has the lock still."""
    caplog.set_level(logging.WARNING)
    locks.sign_in("run")
    old, looking = locks._session._connection, make()
    locks._session._connection = None
    locks._be_there("run")
    assert "run run: another process" in caplog.text
    assert old
    old.close()
    locks._be_there("run")
    clock.now += SURE_AFTER
    with looking.runs() as runs:
        assert runs == {"run": True}


def test_a_thousand_locks_leave_nothing_behind(locks: PostgresLocks, database: str, postgres: PostgresServer) -> None:
    for number in range(1000):
        with locks.holding(f"name {number}"):
            pass
    name = database.rpartition("/")[2]
    held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
    runs = "SELECT count(*) FROM mailevents.mailevents_runs"
    assert postgres.sql(f"{held} UNION ALL {runs}", name) == ["0", "0"]


SIGNED_IN_BEFORE = """
    DROP SCHEMA mailevents CASCADE;
    CREATE TABLE public.mailevents_runs (
        storage text NOT NULL, run_id text NOT NULL, key bigint NOT NULL, PRIMARY KEY (storage, run_id));
    INSERT INTO public.mailevents_runs VALUES ('{storage}', 'before', {key});
"""


def test_runs_of_the_version_that_had_their_table_elsewhere_are_seen_and_see_those_of_this_one(
    make: Callable[..., PostgresLocks], database: str, postgres: PostgresServer, clock: Clock
) -> None:
    name, before = database.rpartition("/")[2], make()
    before._session.take(key_of(STORAGE, "runs/before"), "run before")
    Database(database).close()
    postgres.sql(SIGNED_IN_BEFORE.format(storage=STORAGE, key=key_of(STORAGE, "runs/before")), name)
    now = make()
    now.sign_in("now")
    later = f"INSERT INTO public.mailevents_runs VALUES ('{STORAGE}', 'later', {key_of(STORAGE, 'runs/later')})"
    postgres.sql(f"{later} ON CONFLICT DO NOTHING", name)
    with before.holding("not a run"), now.runs() as runs:
        assert runs == {"before": True, "now": True, "later": True}
    clock.now += SURE_AFTER
    with now.runs() as runs:
        assert runs == {"before": True, "now": True, "later": False}
    assert postgres.sql("SELECT run_id FROM public.mailevents_runs ORDER BY run_id", name) == ["before", "now"]


def test_all_locks_of_a_process_hang_on_one_session_that_ends_when_they_are_given_back(
    database: str, postgres: PostgresServer
) -> None:
    hours, outbox = locks_in(Database(database), STORAGE), locks_in(Database(database), "outbox")
    hours.sign_in("run")
    with hours.holding(HOUR), outbox.holding(HOUR):
        assert locks_in(Database(database), STORAGE) is hours
        assert len(sessions(postgres, database)) == 1
    close_locks()
    while sessions(postgres, database):  # the server has not noticed yet
        pass
    assert locks_in(Database(database), STORAGE) is not hours


ENDS = """
import os, sys, warnings
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.postgres_locks import locks_in
locks = locks_in(Database(sys.argv[1]), "s3://bucket/prefix")
session = locks._session.rows("SELECT pg_backend_pid()")
if child := os.fork():
    os.waitpid(child, 0)
    print("still there:", locks._session.rows("SELECT pg_backend_pid()") == session)
else:
    warnings.simplefilter("ignore")  # that it leaves something open: it is not its own
"""


def test_a_process_closes_its_session_at_its_end_and_a_fork_leaves_it_alone(
    database: str, postgres: PostgresServer
) -> None:
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", ENDS, database],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "still there: True\n"
    assert ended.stderr == ""
