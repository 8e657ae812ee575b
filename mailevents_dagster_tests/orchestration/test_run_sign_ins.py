"""Runs whose processes are gone: real processes, killed between the run's record and its first step, or at work."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.storage.runs import SqlRunStorage
from dagster._core.test_utils import create_run_for_test

from mailevents_dagster.build import build_defs
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.orchestration.run_sign_ins import STARTS_WITHIN, fail_the_gone, signed_in
from mailevents_dagster.sharing.locks import FileLocks, Locks
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.commands import Place, hours_ago, set_up, written
from mailevents_dagster_tests.conftest import mail
from mailevents_dagster_tests.forks import FORKS, PATIENCE
from mailevents_dagster_tests.homes import in_files
from mailevents_dagster_tests.orchestration.daemons import Automated, automated

FEED = feed_of("a.example", "mail/incominglog")
KEY = dg.AssetKey(FEED.asset_key)
STATUS = dg.DagsterRunStatus
GOING_ON = [STATUS.NOT_STARTED, STATUS.STARTING, STATUS.STARTED, STATUS.CANCELING]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with in_files() as made:
        yield made


@pytest.fixture
def locks(tmp_path: Path) -> Locks:
    return FileLocks(tmp_path)


def sign_in_and_work(locks: Locks, run: str, at_work: Event) -> None:
    locks.sign_in(run)
    at_work.set()
    signal.pause()


@contextmanager
def signed_in_process(locks: Locks, run: str) -> Iterator[BaseProcess]:
    """A process that has signed in and is at work."""
    at_work = FORKS.Event()
    process = FORKS.Process(target=sign_in_and_work, args=(locks, run, at_work))
    process.start()
    try:
        assert at_work.wait(PATIENCE)
        yield process
    finally:
        process.kill()
        process.join()


def status_of(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run
    return run.status


@pytest.mark.parametrize("status", GOING_ON)
def test_a_run_whose_process_is_gone_is_failed_and_no_other(
    instance: dg.DagsterInstance, locks: Locks, status: dg.DagsterRunStatus
) -> None:
    gone, alive, starting = (create_run_for_test(instance, "collect_hours", status=status).run_id for _ in range(3))
    with signed_in_process(locks, alive), signed_in_process(locks, gone) as killed:
        killed.kill()
        killed.join()

        assert fail_the_gone(instance, locks, time.time()) == 1
        assert fail_the_gone(instance, locks, time.time()) == 0

    assert [status_of(instance, run) for run in (gone, alive, starting)] == [STATUS.FAILURE, status, status]


def test_a_run_that_has_ended_is_left_as_it_is_and_its_file_goes(
    instance: dg.DagsterInstance, locks: Locks, tmp_path: Path
) -> None:
    run = create_run_for_test(instance, "collect_hours", status=STATUS.SUCCESS).run_id
    with signed_in(locks, run):
        assert (tmp_path / "runs" / run).exists()

    assert fail_the_gone(instance, locks, time.time()) == 0
    assert status_of(instance, run) is STATUS.SUCCESS
    assert not list((tmp_path / "runs").iterdir())


def test_who_has_signed_in_may_do_so_again(instance: dg.DagsterInstance, locks: Locks) -> None:
    run = create_run_for_test(instance, "collect_hours", status=STATUS.STARTED).run_id
    with signed_in(locks, run):
        locks.sign_in(run)()

        assert fail_the_gone(instance, locks, time.time()) == 0


@pytest.mark.parametrize("status", GOING_ON)
def test_a_run_of_feeds_that_does_not_sign_in_is_failed_after_a_while_and_no_other(
    instance: dg.DagsterInstance, locks: Locks, status: dg.DagsterRunStatus
) -> None:
    ours = [create_run_for_test(instance, job, status=status).run_id for job in ("collect_hours", "follow")]
    ours.append(create_run_for_test(instance, "__ASSET_JOB", status=status, asset_selection=frozenset([KEY])).run_id)
    others = [create_run_for_test(instance, "of_somebody_else", status=status).run_id]
    begun = time.time()

    assert fail_the_gone(instance, locks, begun) == 0
    assert fail_the_gone(instance, locks, begun + STARTS_WITHIN + 60) == 3
    assert {status_of(instance, run) for run in ours} == {STATUS.FAILURE}
    assert [status_of(instance, run) for run in others] == [status]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Simulator(Behaviour(events_per_hour=60), domains=["a.example", "b.example"]) as api:
        made = set_up(tmp_path, api, hours=2)
        assert made.run("collect", "--hour", written(hours_ago(2)), "--feed", "a.example mail/*").returncode == 0
        yield made


def die_as_soon_as(status: dg.DagsterRunStatus) -> None:
    """From now on this process is killed the moment its newest run has this status."""

    def killing(name: str) -> None:
        write = getattr(SqlRunStorage, name)

        def written(storage: SqlRunStorage, *arguments: Any, **named: Any) -> Any:
            made = write(storage, *arguments, **named)
            if [run.status for run in storage.get_runs(limit=1)] == [status]:
                os.kill(os.getpid(), signal.SIGKILL)
            return made

        setattr(SqlRunStorage, name, written)

    killing("add_run")
    killing("handle_run_event")


def killed_as_soon_as(place: Place, status: dg.DagsterRunStatus, *arguments: str) -> dg.DagsterRun:
    """The run of a command that was killed the moment its first run had this status."""
    ended = place.run(*arguments, before=partial(die_as_soon_as, status))
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    with dg.DagsterInstance.from_config(str(place.folder / ".dagster")) as instance:
        (killed,) = instance.get_runs(limit=1)
    assert killed.status is status
    return killed


def outcome(place: Place, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    with dg.DagsterInstance.from_config(str(place.folder / ".dagster")) as instance:
        return status_of(instance, run.run_id)


@pytest.mark.parametrize("status", [STATUS.NOT_STARTED, STATUS.STARTED])
def test_a_command_killed_before_its_first_step_stops_following_for_nobody(
    place: Place, status: dg.DagsterRunStatus
) -> None:
    killed = killed_as_soon_as(place, status, "collect")
    assert killed.job_name == "follow"

    done = place.run("collect")

    assert done.returncode == 0, done.stderr
    assert "another run follows them" not in done.stderr
    assert all(place.store.cursor(feed).open for feed in place.settings.feeds), "the hour now running is collected"
    assert outcome(place, killed) is STATUS.FAILURE


@pytest.mark.parametrize("status", [STATUS.NOT_STARTED, STATUS.STARTED])
def test_a_command_killed_before_its_first_step_holds_no_feed(place: Place, status: dg.DagsterRunStatus) -> None:
    arguments = ("collect", "--hour", written(hours_ago(1)), "--feed", "a.example mail/*")
    killed = killed_as_soon_as(place, status, *arguments)

    done = place.run(*arguments)

    assert done.returncode == 0, done.stderr
    assert place.store.cursor(FEED).is_closed(hours_ago(1).start)
    assert outcome(place, killed) is STATUS.FAILURE


# --- with the daemon

SETTINGS = """
timezone: UTC
start: {start}
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: null}}
collect: {{settle_minutes: 0}}
automation: {{enabled: {enabled}, follow_minutes: 0.1}}
accounts:
  - {{domain: a.example, api_key: "${{KEY}}", feeds: [mail/incominglog]}}
"""


def daemons_project(folder: Path, api: Simulator, first: Hour, *, enabled: bool) -> Automated:
    text = SETTINGS.format(start=written(first), base_url=api.base_url, enabled=str(enabled).lower())
    return automated(folder, text, {"KEY": "a-key-for-a-test"})


def until(holds: Callable[[], bool], here: Automated) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, here.log()[-5000:]
        assert "SettingsError" not in here.log(), here.log()
        time.sleep(0.1)


def backfill_of(here: Automated, hour: Hour) -> PartitionBackfill:
    settings = load_settings(here.folder / "mailevents.yaml", environ={"KEY": "a-key-for-a-test"})
    with here.instance() as instance:
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id="of-somebody",
            asset_graph=build_defs(settings).get_repository_def().asset_graph,
            partition_names=[hour.key],
            asset_selection=[KEY],
            backfill_timestamp=time.time(),
            tags={},
            dynamic_partitions_store=instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        instance.add_backfill(backfill)
    return backfill


@pytest.mark.filterwarnings("ignore:Function `AssetSelection.sources`")
def test_where_automation_is_off_a_killed_run_and_its_backfill_come_to_an_end(tmp_path: Path) -> None:
    hour, fixed = hours_ago(1), FixedMail()
    fixed.add("a.example", "mail/incominglog", [mail(hour.start + n, f"Q{n}") for n in range(900)])
    with Simulator(Behaviour(latency_seconds=1.0), source=fixed) as api:
        here = daemons_project(tmp_path, api, hour, enabled=False)
        with here.daemon(), here.instance() as instance:
            backfill = backfill_of(here, hour)
            until(lambda: api.calls.count("detail") > 0, here)
            [run] = instance.get_runs()
            [process] = {int(pid) for pid in re.findall(rf" - {run.run_id} - (\d+) - RUN_START", here.log())}
            os.kill(process, signal.SIGKILL)

            until(lambda: status_of(instance, run.run_id) is STATUS.FAILURE, here)

            def ended() -> bool:
                found = instance.get_backfill(backfill.backfill_id)
                return found is not None and found.status is not BulkActionStatus.REQUESTED

            until(ended, here)


def test_a_run_that_the_daemon_launched_and_that_was_killed_while_it_started_is_found(tmp_path: Path) -> None:
    with Simulator(Behaviour(events_per_hour=60)) as api:
        here = daemons_project(tmp_path, api, hours_ago(1), enabled=True)
        with here.instance() as instance:
            with here.daemon() as daemon:
                until(lambda: bool(instance.get_runs(dg.RunsFilter(statuses=[STATUS.STARTING]))), here)
                os.killpg(daemon.pid, signal.SIGKILL)
            [run, *_] = instance.get_runs(dg.RunsFilter(statuses=[STATUS.STARTING]))
            locks = FileLocks(tmp_path / "data" / "locks")
            assert not (locks.folder / "runs" / run.run_id).exists()

            assert fail_the_gone(instance, locks, time.time()) == 0, "it may be about to sign in"
            fail_the_gone(instance, locks, time.time() + STARTS_WITHIN + 60)

            assert status_of(instance, run.run_id) is STATUS.FAILURE
