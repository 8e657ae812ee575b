"""A budget that machines share in a database: kept, shared, survived."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.number_places import Row, numbers_at
from mailevents_dagster.sources.uzmanposta.rate import PausedError, SharedBudget, interval
from mailevents_dagster.sources.uzmanposta.shared_calls import SharedCalls
from mailevents_dagster_tests.postgres_server import PostgresServer

pytestmark = [pytest.mark.programs, pytest.mark.slow]

PATIENCE = 60.0


@pytest.fixture
def row(database: str) -> Row:
    return Row(Database(database), "of a key")


def test_numbers_are_kept_by_name_and_those_of_another_form_count_as_none(row: Row) -> None:
    one, other = numbers_at(row, 2), numbers_at(Row(row.database, "another"), 2)
    assert one.change(lambda known, _: ((1.5, float("-inf")), known)) is None
    assert one.change(lambda known, _: (None, known)) == [1.5, float("-inf")]
    assert other.change(lambda known, _: (None, known)) is None
    assert numbers_at(row, 3).change(lambda known, _: (None, known)) is None


def test_an_error_while_deciding_changes_nothing_and_holds_nobody_up(row: Row) -> None:
    numbers = numbers_at(row, 1)
    numbers.change(lambda *_: ((1.0,), None))
    with pytest.raises(ZeroDivisionError):
        numbers.change(lambda *_: ((1 / 0,), None))
    assert numbers.change(lambda known, _: (None, known)) == [1.0]


def test_changes_of_all_threads_count_and_none_is_earlier_than_the_one_before(row: Row) -> None:
    def work() -> None:
        numbers = numbers_at(row, 2)
        for _ in range(25):
            numbers.change(lambda known, now: (_one_more(known, now), None))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert numbers_at(row, 2).change(lambda known, _: (None, known and known[0])) == 100


def _one_more(known: object, now: float) -> tuple[float, float]:
    count, before = known if isinstance(known, list) else (0.0, 0.0)
    assert now > before
    return count + 1, now


CALLS = """
import sys, time
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.number_places import Row
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
budget = SharedBudget(float(sys.argv[2]), Row(Database(sys.argv[1]), "of a key"))
budget._calls.change(lambda *_: (None, None))
print("ready", flush=True)
sys.stdin.readline()
until = time.monotonic() + float(sys.argv[3])
while time.monotonic() < until:
    budget.acquire()
    print(time.monotonic(), flush=True)
"""


def caller(row: Row, rate: float, seconds: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CALLS, row.database.url, str(rate), str(seconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def test_two_machines_keep_one_budget_and_share_it(row: Row) -> None:
    callers = [caller(row, 20, 4) for _ in range(2)]
    for one in callers:
        assert one.stdin
        one.stdin.write("go\n")
        one.stdin.flush()
    calls = [[float(at) for at in one.communicate(timeout=PATIENCE)[0].split()] for one in callers]
    times = sorted(calls[0] + calls[1])
    windows = [later - earlier for earlier, later in zip(times, times[20:], strict=False)]
    # Coarse bounds: here everything shares two processors with other tests. `make bench` measures what is used.
    assert min(windows) > 0.9
    assert min(map(len, calls)) >= 0.6 * len(times) / 2


HOLDS = """
import sys
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.number_places import Row, numbers_at
def hold(known, now):
    print("ready", flush=True)
    sys.stdin.read()
numbers_at(Row(Database(sys.argv[1]), "of a key"), 6).change(hold)
"""


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_who_is_killed_or_stands_still_holds_nobody_up(row: Row, end: signal.Signals) -> None:
    command = [sys.executable, "-c", HOLDS, row.database.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout
        assert holder.stdout.readline() == "ready\n"
        called = threading.Event()
        thread = threading.Thread(target=lambda: (SharedBudget(50, row).acquire(), called.set()))
        thread.start()
        assert not called.wait(0.3)
        os.kill(holder.pid, end)
        is_called = called.wait(PATIENCE)
        holder.kill()
        thread.join()
    assert is_called


def test_a_pause_told_to_one_machine_holds_the_others_also_after_a_crash_of_the_database(
    row: Row, postgres: PostgresServer
) -> None:
    told, other = SharedBudget(50, row), SharedBudget(50, row)
    told.pause(600)
    postgres.restart("immediate")
    with pytest.raises(PausedError) as paused:
        other.acquire(patience=1)
    assert 500 < paused.value.seconds <= 600
    SharedBudget(50, Row(row.database, "of another key")).acquire()


def test_a_database_started_anew_delays_calls_and_lets_none_out_early(row: Row, postgres: PostgresServer) -> None:
    budget = SharedBudget(10, row)
    times = []
    for number in range(20):
        budget.acquire()
        times.append(time.monotonic())
        if number in (5, 12):
            postgres.restart("fast" if number == 5 else "immediate")
    assert min(later - earlier for earlier, later in zip(times, times[10:], strict=False)) > 0.9


def test_waiting_for_a_database_that_is_away_ends_when_it_is_told_to(row: Row, postgres: PostgresServer) -> None:
    budget = SharedBudget(10, row)
    budget.acquire()
    postgres.stop()
    try:
        threading.Timer(0.2, budget.stop).start()
        with pytest.raises(StoppedError):
            budget.acquire()
    finally:
        postgres.start()


def test_a_clock_that_was_set_back_a_little_forgets_nothing_and_by_an_hour_holds_nobody_up(row: Row) -> None:
    calls = SharedCalls(row)
    for ahead, is_known in ((10.0, True), (3600.0, False)):
        calls.change(lambda _, now, ahead=ahead: (_called_at(now + ahead), None))
        assert calls.change(lambda known, _: (None, known.last_at > 0)) is is_known


def _called_at(now: float) -> object:
    from mailevents_dagster.sources.uzmanposta.shared_calls import Calls

    return Calls().one_more(now, interval(10), 0.0)
