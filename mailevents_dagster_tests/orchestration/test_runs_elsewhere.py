"""Runs of other machines, found without any file of theirs; and runs that wait for a pod."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import dagster as dg
import pytest
from dagster._core.test_utils import create_run_for_test
from upath import UPath

from mailevents_dagster.files.objects import read_tagged
from mailevents_dagster.orchestration.run_sign_ins import POD_STARTS_WITHIN, STARTS_WITHIN, fail_the_gone
from mailevents_dagster.sharing.doubts import SURE_AFTER
from mailevents_dagster.sharing.leases import Leases
from mailevents_dagster.sharing.locks import FileLocks, Locks
from mailevents_dagster_tests.object_server import environment
from mailevents_dagster_tests.sharing.lockers import Clock, MakeLocks, another, leases, postgres

STATUS = dg.DagsterRunStatus
TERM = 4.0


class Machines(NamedTuple):
    """The locks of this machine, whose clock stands still, and how others make theirs."""

    here: Locks
    clock: Clock
    make: MakeLocks
    renewed: Callable[[str], None]
    """Waits until a run that lives has shown it."""
    gone: Callable[[str], None]
    """Waits until it can be seen that the process of a run is gone."""


def with_postgres(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Machines]:
    url = request.getfixturevalue("database")
    here = postgres(url, clock=clock)

    def gone(run: str) -> None:
        with here.holding(f"runs/{run}"):  # the server takes a moment to end the session of a killed process
            pass

    yield Machines(here, clock, partial(postgres, url), lambda run: None, gone)
    here.close()


def with_leases(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Machines]:
    folder, server = f"{request.getfixturevalue('bucket')}/locks", request.getfixturevalue("s3")

    def renewed(run: str) -> None:
        path = UPath(folder) / "runs" / f"{run}.lease"
        before = read_tagged(path)
        while read_tagged(path) == before:
            time.sleep(0.02)

    here = Leases(UPath(folder), TERM, clock)
    yield Machines(here, clock, partial(leases, folder, environment(server.url), TERM), renewed, lambda run: None)
    here.close()


KINDS = [pytest.param(with_postgres, marks=pytest.mark.programs, id="postgres"), pytest.param(with_leases, id="leases")]


@pytest.fixture(params=KINDS)
def machines(request: pytest.FixtureRequest) -> Iterator[Machines]:
    yield from request.param(request, Clock())


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.instance_for_test() as made:
        yield made


def new_run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus = STATUS.STARTED) -> str:
    return create_run_for_test(instance, "collect_hours", status=status).run_id


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status


def test_a_run_of_another_machine_that_was_lost_is_failed_and_no_other(
    instance: dg.DagsterInstance, machines: Machines
) -> None:
    lost, alive, ended = new_run(instance), new_run(instance), new_run(instance, STATUS.SUCCESS)
    with another(machines.make, runs=[alive]):
        with another(machines.make, runs=[lost]), another(machines.make, runs=[ended]):
            assert fail_the_gone(instance, machines.here, time.time()) == 0
        machines.gone(lost)
        for seconds in (TERM, SURE_AFTER):  # seen again unchanged, and again
            machines.clock.now += seconds
            machines.renewed(alive)
            assert status_of(instance, lost) is STATUS.STARTED, "it may have lost its connection for a moment"
            found = fail_the_gone(instance, machines.here, time.time())
        assert found == 1
        assert [status_of(instance, run) for run in (lost, alive, ended)] == [
            STATUS.FAILURE,
            STATUS.STARTED,
            STATUS.SUCCESS,
        ]
        with machines.here.runs() as runs:
            assert runs == {alive: True}, "what is over is forgotten"


def test_two_machines_may_look_at_once(instance: dg.DagsterInstance, machines: Machines) -> None:
    run = new_run(instance)
    other = machines.make()
    machines.here.sign_in(run)
    assert fail_the_gone(instance, other, time.time()) == 0
    with other.runs() as there:
        assert there == {run: True}
    other.close()  # type: ignore[attr-defined]


# --- runs that have not begun


@pytest.fixture
def own_containers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A launcher that can ask what became of a run's container, as those of Docker and Kubernetes can."""
    launcher = "dagster._core.launcher.default_run_launcher.DefaultRunLauncher.supports_check_run_worker_health"
    monkeypatch.setattr(launcher, property(lambda self: True), raising=False)


@pytest.mark.usefixtures("own_containers")
@pytest.mark.parametrize("status", [STATUS.NOT_STARTED, STATUS.STARTING])
def test_a_run_that_waits_for_its_pod_is_left_to_dagsters_own_monitoring(
    status: dg.DagsterRunStatus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with dg.instance_for_test(
        overrides={"run_monitoring": {"enabled": True, "max_resume_run_attempts": 0}}
    ) as instance:
        run, locks = new_run(instance, status), FileLocks(tmp_path_factory.mktemp("locks"))
        assert fail_the_gone(instance, locks, time.time() + 100 * POD_STARTS_WITHIN) == 0
        assert status_of(instance, run) is status


@pytest.mark.usefixtures("own_containers")
def test_where_dagster_does_not_look_after_pods_a_run_may_wait_an_hour_for_its_own(
    instance: dg.DagsterInstance, tmp_path_factory: pytest.TempPathFactory
) -> None:
    run, locks, begun = new_run(instance, STATUS.STARTING), FileLocks(tmp_path_factory.mktemp("locks")), time.time()
    assert fail_the_gone(instance, locks, begun + STARTS_WITHIN + 60) == 0
    assert fail_the_gone(instance, locks, begun + POD_STARTS_WITHIN + 60) == 1
    assert status_of(instance, run) is STATUS.FAILURE
