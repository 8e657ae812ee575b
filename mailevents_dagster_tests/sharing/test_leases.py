"""Leases in an object store: what they cost, and what becomes of those that are not renewed."""

from __future__ import annotations

import json
import os
import random
import signal
import threading
from collections.abc import Callable, Iterator
from functools import partial
from multiprocessing.synchronize import Event

import pytest
from upath import UPath

from mailevents_dagster.files.objects import asked, read_tagged, remove
from mailevents_dagster.sharing.lease import Lease, Watch
from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster_tests.forks import FORKS, PATIENCE
from mailevents_dagster_tests.object_server import Fault, ObjectServer, Request, environment
from mailevents_dagster_tests.sharing.lockers import Clock, MakeLocks, another, is_free, leases

HOUR = "example.com/mail/incominglog/12"
LONG = 3600.0
"""A term in which nothing is renewed during a test."""


@pytest.fixture
def folder(bucket: str) -> UPath:
    return UPath(bucket) / "locks"


@pytest.fixture
def make(folder: UPath) -> Iterator[Callable[..., Leases]]:
    made: list[Leases] = []

    def one(term: float = LONG) -> Leases:
        made.append(Leases(folder, term))
        return made[-1]

    yield one
    for locks in made:
        locks.close()


def elsewhere(folder: UPath, s3: ObjectServer, term: float) -> MakeLocks:
    return partial(leases, str(folder), environment(s3.url), term)


def there(folder: UPath) -> list[str]:
    """The names of all leases that are there."""
    listed = asked(folder, lambda store, key: [one["path"] for some in store.list(key) for one in some])
    return [path.partition("/locks/")[2] for path in listed]


def holder(folder: UPath) -> str:
    found = read_tagged(folder / f"{HOUR}.lease")
    assert found
    return str(json.loads(found[0])["id"])


# --- what they cost


def test_a_lease_takes_a_request_and_giving_it_back_another(make: Callable[..., Leases], s3: ObjectServer) -> None:
    locks = make()
    s3.forget()
    with locks.holding(HOUR):
        pass
    assert [request.method for request in s3.requests] == ["PUT", "DELETE"]


def test_what_is_held_for_moments_takes_no_request(make: Callable[..., Leases], s3: ObjectServer) -> None:
    locks = make()
    s3.forget()
    with locks.briefly(HOUR):
        pass
    assert not s3.requests


def test_a_look_at_all_runs_is_one_request(make: Callable[..., Leases], s3: ObjectServer) -> None:
    locks = make()
    for number in range(20):
        locks.sign_in(f"run{number}")
    s3.forget()
    with make().runs() as runs:
        assert len(runs) == 20
    assert [request.method for request in s3.requests] == ["GET"]


@pytest.mark.slow
def test_many_locks_leave_nothing_behind(make: Callable[..., Leases], folder: UPath) -> None:
    locks = make()
    for number in range(200):
        with locks.holding(f"name{number}"):
            pass
    locks.sign_in("run")()
    assert there(folder) == []


# --- who has it


def test_a_lease_that_is_renewed_is_nobody_elses_however_long_it_is_watched(folder: UPath, s3: ObjectServer) -> None:
    clock = Clock()
    lease, watch = Lease(folder / "a.lease", clock), Watch(folder / "a.lease", 45, clock)
    lease.write("")
    for _ in range(5):
        assert watch.look() is None
        clock.now += 44
        assert watch.look() is None
        lease.renew()
        clock.now += 44
    assert watch.look() is None
    clock.now += 45
    assert watch.look() == lease.tag


@pytest.mark.slow
def test_of_many_who_wait_for_a_lease_that_nobody_renews_one_gets_it(folder: UPath, s3: ObjectServer) -> None:
    lease = Lease(folder / f"{HOUR}.lease")
    lease.write("")
    waiting = [Leases(folder, 4.0) for _ in range(4)]
    had, most, here = [], [], list[Leases]()

    def wait(locks: Leases) -> None:
        with locks.holding(HOUR):
            here.append(locks)
            most.append(len(here))
            had.append(holder(folder))
            here.remove(locks)

    threads = [threading.Thread(target=wait, args=(locks,)) for locks in waiting]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4
    assert len({*had}) == 4


def hold_and_go_on(make: MakeLocks, has_it: Event, may_go_on: Event) -> None:
    with make().holding(HOUR):
        has_it.set()
        may_go_on.wait()


@pytest.mark.slow
def test_a_process_that_was_stopped_wakes_up_without_its_lease_and_leaves_the_next_ones(
    make: Callable[..., Leases], folder: UPath, s3: ObjectServer
) -> None:
    has_it, may_go_on = FORKS.Event(), FORKS.Event()
    stopped = FORKS.Process(target=hold_and_go_on, args=(elsewhere(folder, s3, 2.0), has_it, may_go_on))
    stopped.start()
    assert stopped.pid
    assert has_it.wait(PATIENCE)
    os.kill(stopped.pid, signal.SIGSTOP)
    with make(term=2.0).holding(HOUR):
        mine = holder(folder)
        os.kill(stopped.pid, signal.SIGCONT)  # first: an event waits for whoever waits for it
        may_go_on.set()
        stopped.join()
        assert stopped.exitcode == 0
        assert holder(folder) == mine
    assert there(folder) == []


@pytest.mark.slow
def test_a_killed_process_loses_its_lease_a_term_later(
    make: Callable[..., Leases], folder: UPath, s3: ObjectServer
) -> None:
    with another(elsewhere(folder, s3, 2.0), HOUR):
        pass
    assert there(folder) == [f"{HOUR}.lease"]
    assert is_free(make(term=2.0), HOUR), "who may not wait gets it, too, once nobody renews it"


def test_a_lease_of_another_is_not_deleted(folder: UPath, s3: ObjectServer) -> None:
    clock, path = Clock(), folder / f"{HOUR}.lease"
    with Leases(folder, LONG, clock).holding(HOUR):
        Lease(path).write(read_tagged(path)[1])  # type: ignore[index]
        other = holder(folder)
        clock.now += LONG  # so it is not sure of having it any more
    assert holder(folder) == other


# --- a store that does not do as it is told


@pytest.mark.slow
def test_where_half_the_writes_are_answered_with_500_after_they_took_place_one_at_a_time_has_it(
    folder: UPath, s3: ObjectServer
) -> None:
    chance, here, most = random.Random(1), list[int](), list[int]()
    s3.fault = lambda request: Fault(hands_on=True) if request.writes and chance.random() < 0.5 else None

    def work(number: int) -> None:
        for _ in range(3):
            with Leases(folder, 30.0).holding(HOUR):
                here.append(number)
                most.append(len(here))
                here.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    s3.fault = lambda request: None
    assert most == [1] * 9
    assert there(folder) == []


def test_a_lease_whose_writing_was_not_answered_is_held(
    make: Callable[..., Leases], folder: UPath, s3: ObjectServer
) -> None:
    def cut_first_write(request: Request) -> Fault | None:
        return Fault(is_cut=True, hands_on=True) if request.method == "PUT" and request.number == 1 else None

    locks = make()
    s3.forget()
    s3.fault = cut_first_write
    with locks.holding(HOUR):
        assert there(folder) == [f"{HOUR}.lease"]
    assert there(folder) == []


def test_a_renewal_that_fails_is_told_and_tried_again(
    folder: UPath, s3: ObjectServer, caplog: pytest.LogCaptureFixture
) -> None:
    refused, renewed = threading.Event(), threading.Event()

    def refuse_once(request: Request) -> Fault | None:
        if request.method != "PUT" or refused.is_set():
            renewed.set() if refused.is_set() and request.method == "PUT" else None
            return None
        refused.set()
        return Fault(403, "AccessDenied")

    locks = Leases(folder, 0.4)
    with locks.holding(HOUR):
        s3.fault = refuse_once
        assert refused.wait(PATIENCE)
        assert renewed.wait(PATIENCE)
    locks.close()
    assert f"The lease of {HOUR} could not be renewed" in caplog.text
    assert "another process has taken" not in caplog.text


def test_a_lease_that_cannot_be_given_back_runs_out_and_spoils_nothing(
    make: Callable[..., Leases], folder: UPath, s3: ObjectServer, caplog: pytest.LogCaptureFixture
) -> None:
    locks = make()
    with locks.holding(HOUR):
        s3.fault = lambda request: Fault(403, "AccessDenied") if request.method == "DELETE" else None
    assert f"The lease of {HOUR} could not be given back" in caplog.text


def test_a_run_that_was_taken_for_gone_is_there_again(folder: UPath, s3: ObjectServer) -> None:
    locks, signed_in = Leases(folder, 0.4), threading.Event()
    locks.sign_in("run")
    s3.fault = lambda request: signed_in.set() if request.method == "PUT" and not request.is_conditional else None
    remove(folder / "runs" / "run.lease")
    path = folder / "runs" / "run.lease"
    while read_tagged(path) is None:
        signed_in.wait(0.01)
    locks.close()
