"""The budget of an application and mailbox holds for all threads and processes, and dies with none of them."""

from __future__ import annotations

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sharing.database import Database
from mailevents_dagster.sharing.number_places import Place, Row
from mailevents_dagster.sources.mailbox.graph.budget import (
    AT_A_TIME,
    CALLS,
    STEP,
    STEPS,
    WINDOW,
    Budget,
    Calls,
    PausedError,
    known,
)

PATIENCE = 60.0
FILE = "graph.calls"


def place_in(argument: str) -> Place:
    """The place that an argument of a process names: a file, or the URL of a database."""
    return Row(Database(argument), "graph") if "://" in argument else Path(argument)


def argument(place: Place) -> str:
    return place.database.url if isinstance(place, Row) else str(place)


@pytest.fixture(params=["file", pytest.param("postgres", marks=pytest.mark.programs)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where one machine shares a budget, and several do."""
    return place_in(str(tmp_path / FILE) if request.param == "file" else request.getfixturevalue("database"))


def after(*calls: tuple[float, int]) -> Calls:
    """Return what is known after so many calls at these times."""
    known = Calls()
    for time, number in calls:
        known = known.at(time)
        known = replace(known, counts=(*known.counts[:-1], known.counts[-1] + number))
    return known


def test_a_call_may_go_out_while_less_than_all_were_made() -> None:
    assert after((5000.0, CALLS - 1)).at(5001.0).wait(5001.0) == 0
    assert after((5000.0, CALLS)).at(5001.0).wait(5001.0) > 0


def test_calls_count_until_the_last_of_their_step_left_the_window() -> None:
    known = after((5000.0, CALLS))
    wait = known.at(5003.0).wait(5003.0)
    assert WINDOW - 3 <= wait <= WINDOW + STEP
    assert known.at(5003.0 + wait).wait(5003.0 + wait) == 0


def test_only_as_many_calls_are_waited_for_as_are_too_many() -> None:
    known = after((5000.0, 10), (5300.0, CALLS - 10))
    wait = known.at(5300.0).wait(5300.0)
    assert wait <= 300 + STEP


@given(st.lists(st.tuples(st.floats(0, 400), st.integers(1, 4000)), max_size=30))
def test_no_window_of_ten_minutes_ever_has_more_calls_than_are_allowed(tries: list[tuple[float, int]]) -> None:
    known, now, made = Calls(), 1000.0, list[tuple[float, int]]()
    for pause, wanted in tries:
        now += pause
        known = known.at(now)
        number = 0
        while number < wanted and known.wait(now) <= 0:
            allowed = min(wanted - number, CALLS - sum(known.counts))
            known = replace(known, counts=(*known.counts[:-1], known.counts[-1] + allowed))
            number += allowed
        made.append((now, number))
    for end, _ in made:
        assert sum(number for time, number in made if end - WINDOW < time <= end) <= CALLS


def test_the_clock_of_another_start_of_the_machine_counts_as_nothing_known() -> None:
    assert after((5000.0, CALLS)).at(100.0) == Calls()


def test_a_long_time_without_calls_leaves_none() -> None:
    assert sum(after((5000.0, CALLS)).at(5000.0 + 10 * WINDOW).counts) == 0
    assert len(after((5000.0, 1)).at(9_999_999.0).counts) == STEPS


def test_no_more_than_four_are_at_work_in_one_process(place: Place) -> None:
    budget, at_work, most = Budget(place), 0, 0
    lock, all_in = threading.Lock(), threading.Barrier(AT_A_TIME)

    def call(_: int) -> None:
        nonlocal at_work, most
        with budget.call():
            with lock:
                at_work += 1
                most = max(most, at_work)
            all_in.wait(PATIENCE)  # which four only can pass
            with lock:
                at_work -= 1

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(call, range(3 * AT_A_TIME)))
    budget.close()
    assert most == AT_A_TIME


HOLDS = """
import sys
from contextlib import ExitStack
from mailevents_dagster.sources.mailbox.graph.budget import Budget
from mailevents_dagster_tests.sources.mailbox.graph.test_budget import place_in
budget = Budget(place_in(sys.argv[1]))
with ExitStack() as stack:
    for _ in range(int(sys.argv[2])):
        stack.enter_context(budget.call())
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.mark.slow
def test_the_turns_of_a_killed_process_are_free_and_its_calls_count(place: Place) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDS, argument(place), "3"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    assert holder.stdout.readline() == "held\n"
    budget, second = Budget(place), threading.Event()
    with budget.call():

        def take() -> None:
            with budget.call():
                second.set()

        thread = threading.Thread(target=take)
        thread.start()
        assert not second.wait(0.3), "the other process has three of four turns"
        holder.kill()
        assert second.wait(PATIENCE)
        thread.join()
    holder.wait()
    holder.stdin.close()
    holder.stdout.close()
    assert budget._numbers.change(lambda numbers, now: (None, sum(known(numbers, now).counts))) == 5
    budget.close()


CALLS_ALL = """
import sys
from mailevents_dagster.sources.mailbox.graph.budget import Budget
from mailevents_dagster_tests.sources.mailbox.graph.test_budget import place_in
budget, calls = Budget(place_in(sys.argv[1])), 0
with budget.call():
    calls += 1
print("called", flush=True)
sys.stdin.readline()
real = budget.sleep
def sleep(seconds):
    if seconds > 1:
        print(calls)
        budget.stop()
    real(seconds)
budget.sleep = sleep
while True:
    with budget.call():
        calls += 1
"""


@pytest.mark.slow
def test_two_processes_make_as_many_calls_together_as_one_may(place: Place) -> None:
    budget = Budget(place)
    budget._numbers.change(lambda numbers, now: (after((now, CALLS - 100)).numbers, None))
    callers = [
        subprocess.Popen(
            [sys.executable, "-c", CALLS_ALL, argument(place)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for caller in callers:
        assert caller.stdout
        assert caller.stdout.readline() == "called\n"
    made = [caller.communicate("go\n", timeout=PATIENCE) for caller in callers]
    assert sum(int(counted) for counted, _ in made) == 100
    assert ["StoppedError" in said for _, said in made] == [True, True]
    assert budget._numbers.change(lambda numbers, now: (None, sum(known(numbers, now).counts))) == CALLS
    budget.close()


def test_a_pause_holds_for_all_who_share_the_budget(place: Place) -> None:
    one, other = Budget(place), Budget(place)
    one.pause(10_000)
    with pytest.raises(PausedError) as caught, other.call():
        pass
    assert 9_000 < caught.value.seconds <= 10_000
    assert one.seconds_throttled == pytest.approx(10_000, abs=1)
    for budget in (one, other):
        budget.close()


def test_a_pause_is_never_longer_than_a_day(place: Place) -> None:
    budget = Budget(place)
    budget.pause(1e12)
    with pytest.raises(PausedError) as caught, budget.call():
        pass
    assert caught.value.seconds <= 86_400
    budget.close()


def test_a_damaged_file_counts_as_nothing_known(tmp_path: Path) -> None:
    budget = Budget(tmp_path / FILE)
    with budget.call():
        pass
    (tmp_path / FILE).write_bytes(b"\0" * 50)
    with budget.call():
        pass
    budget.close()


def test_who_waits_is_told_to_stop() -> None:
    budget = Budget()
    budget.pause(100)
    threading.Timer(0.05, budget.stop).start()
    with pytest.raises(StoppedError), budget.call():
        pass
