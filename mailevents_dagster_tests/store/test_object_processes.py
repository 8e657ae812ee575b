"""Processes that share an object store and nothing else: killed at every request, and racing for the same hours."""

from __future__ import annotations

import hashlib
import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import INCOMING, START, event
from mailevents_dagster_tests.object_server import Fault, ObjectServer, Request
from mailevents_dagster_tests.store.kept import commit, known, unguarded
from mailevents_dagster_tests.store.object_process import COMMON, ObjectProcess

HOURS = int(os.environ.get("MAILEVENTS_RACING_HOURS", "12"))

pytestmark = pytest.mark.slow


def assert_holds(store: Store, number: int, names: set[str]) -> None:
    """The hour has an event of each of these, once, and its files are what its manifest says."""
    hour, start = hour_of(number), START + number * 3600
    events = [one.raw.decode() for one in known(store, hour=hour)]
    texts = sorted(event(start + (5 if name == COMMON else 7), f"{name} {start}").raw.decode() for name in names)
    assert sorted(events) == texts
    manifest = store.manifest(INCOMING, hour)
    assert manifest
    assert manifest.events == len(names)
    for file in (manifest.log, manifest.snapshot):
        assert hashlib.sha256((store.layout.root / file.path).read_bytes()).hexdigest() == file.sha256


@pytest.mark.parametrize("hands_on", [False, True], ids=["before", "after"])
def test_a_kill_at_any_request_costs_nothing(bucket: str, s3: ObjectServer, tmp_path: Path, *, hands_on: bool) -> None:
    """Before the request reaches the server, or after it did and before its answer is there."""
    told = threading.Event()
    victim = {"pid": 0, "at": 0}

    def kill(request: Request) -> Fault | None:
        if len(s3.requests) != victim["at"]:
            return None
        assert told.wait(60)
        os.kill(victim["pid"], signal.SIGKILL)
        return Fault(is_cut=True, hands_on=hands_on)

    commit(unguarded(bucket, scratch=tmp_path / "before"), [event(START - 3600)], hour=hour_of(-1))
    with ObjectProcess(s3.url, tmp_path / "victim") as process:
        for number in range(20):
            s3.forget()
            told.clear()
            victim["at"], s3.fault = number + 1, kill
            victim["pid"] = process.begin(bucket, "victim", [number])
            told.set()
            status = process.end()
            s3.fault = lambda request: None
            store = unguarded(bucket, scratch=tmp_path / "after")
            commit(store, [event(START + number * 3600 + 7, f"other {START + number * 3600}")], hour=hour_of(number))
            process.begin(bucket, "victim", [number])
            assert process.end() == 0
            assert_holds(unguarded(bucket, scratch=tmp_path / "after"), number, {COMMON, "victim", "other"})
            if status == 0:
                assert number >= 7
                return
            assert status == -signal.SIGKILL
    raise AssertionError


@pytest.mark.parametrize("workers", [2, 4])
def test_racing_workers_lose_and_repeat_nothing(bucket: str, s3: ObjectServer, tmp_path: Path, workers: int) -> None:
    names = [f"worker {number}" for number in range(workers)]
    with ExitStack() as stack:
        processes = [stack.enter_context(ObjectProcess(s3.url, tmp_path / name)) for name in names]
        for process, name in zip(processes, names, strict=True):
            process.begin(bucket, name, range(HOURS))
        assert [process.end() for process in processes] == [0] * workers
    store = unguarded(bucket, scratch=tmp_path / "after")
    for number in range(HOURS):
        assert_holds(store, number, {COMMON, *names})
    cursor = store.cursor(INCOMING)
    assert cursor.closed == ((START, START + HOURS * 3600),)
    assert not cursor.failed
