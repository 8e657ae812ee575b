"""How many connections processes hold together, each of them with all that it uses the database for."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from upath import UPath

from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.sharing.database import MOST_CONNECTIONS, NAME, Database
from mailevents_dagster.sharing.locks import nothing
from mailevents_dagster.sharing.number_places import Row
from mailevents_dagster.sharing.opening import locks_of
from mailevents_dagster.sharing.postgres_session import NAME as OF_LOCKS
from mailevents_dagster.sources.mailbox.graph.budget import Budget
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
from mailevents_dagster_tests.deliveries.messages import message
from mailevents_dagster_tests.forks import FORKS, PATIENCE
from mailevents_dagster_tests.postgres_server import PostgresServer

pytestmark = [pytest.mark.programs, pytest.mark.slow]

RUNS = 32
THREADS = 8


def run(url: str, number: int, counted: Barrier) -> None:
    """Do what a run does, with several threads, and hold what it holds until all have been counted."""
    database = Database(url)
    locks = locks_of(UPath("s3://bucket/prefix"), Path("unused"), url, lambda: True)
    outbox, queue = Outbox(database), f"queue {number}"
    key, mailbox = SharedBudget(None, Row(database, "of a key")), Budget(Row(database, f"of mailbox {number}"))

    def call(index: int) -> None:
        key.acquire()
        with mailbox.call():
            outbox.note(queue, [message(index)])

    locks.sign_in(f"run {number}")
    with locks.holding(f"hour {number}"), outbox.holding(queue, nothing):
        with ThreadPoolExecutor(THREADS) as threads:
            list(threads.map(call, range(5 * THREADS)))
        counted.wait(PATIENCE)
        counted.wait(PATIENCE)


def test_a_run_holds_three_connections_at_the_most_and_one_of_them_for_all_its_locks() -> None:
    counted = FORKS.Barrier(RUNS + 1)
    with PostgresServer(connections=150) as server:
        url = server.new_database()
        runs = [FORKS.Process(target=run, args=(url, number, counted)) for number in range(RUNS)]
        for one in runs:
            one.start()
        most = {NAME: 0, OF_LOCKS: 0}
        while counted.n_waiting < RUNS:
            for name, count in connections(server, url).items():
                most[name] = max(most[name], count)
            assert all(one.is_alive() for one in runs)
            time.sleep(0.2)
        counted.wait(PATIENCE)
        at_work = connections(server, url)
        counted.wait(PATIENCE)
        for one in runs:
            one.join(PATIENCE)
    assert [one.exitcode for one in runs] == [0] * RUNS
    assert at_work[OF_LOCKS] == RUNS
    assert most[OF_LOCKS] <= RUNS
    assert most[NAME] <= RUNS * MOST_CONNECTIONS


def connections(server: PostgresServer, url: str) -> dict[str, int]:
    """How many there are of each kind."""
    database = url.rpartition("/")[2]
    counted = "SELECT application_name, count(*) FROM pg_stat_activity WHERE datname = current_database()"
    rows = server.sql(f"{counted} AND application_name <> 'psql' GROUP BY 1", database)
    return {name: int(count) for name, count in (row.split("|") for row in rows)}
