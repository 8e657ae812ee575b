"""A process that collects hours as it is told, each in a fork of its own that can be killed at any of its steps."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Final, Self

import pyarrow as pa
from hypothesis import Phase, settings
from hypothesis.stateful import RuleBasedStateMachine, run_state_machine_as_test

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.client import Options
from mailevents_dagster.sources.uzmanposta.api import Access, UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.collect import collect_hour
from mailevents_dagster.sources.uzmanposta.errors import ApiError
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.rate import SharedBudget
from mailevents_dagster.sources.uzmanposta.shared_calls import Calls
from mailevents_dagster_tests.conftest import DOMAIN, make_store

COMMITTED, KILLED, API_FAILED, BROKEN = "committed", "killed", "api failed", "broken"
NEVER: Final = -1
LOOKED_AT_AGAIN: Final = 1e9
"""Seconds after its end, so that every hour is."""


class CrashingCollector:
    """Collects hours; forks come from a process without threads, where forking is safe."""

    def __init__(self) -> None:
        self._forks = subprocess.Popen(
            [sys.executable, "-m", __name__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def collect(self, folder: Path, base_url: str, feed: Feed, hour: Hour, kill_at: int = NEVER) -> str:
        """How a collection of the hour ended that is killed at its so-manieth step, if it has that many."""
        assert self._forks.stdin
        assert self._forks.stdout
        self._forks.stdin.write(f"{json.dumps([str(folder), base_url, feed.name, hour.start, kill_at])}\n")
        self._forks.stdin.flush()
        return self._forks.stdout.readline().strip()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._forks.communicate()


class Interleavings(RuleBasedStateMachine):
    """What can happen, in any order, to hours that are collected by processes that can be killed."""

    collector: CrashingCollector

    @classmethod
    def run(cls, few: int, steps: int) -> None:
        """Try the same few orders in every run, or as many others as MAILEVENTS_INTERLEAVINGS says."""
        soak = os.environ.get("MAILEVENTS_INTERLEAVINGS")
        rules = settings(
            max_examples=int(soak or few),
            stateful_step_count=steps,
            derandomize=not soak,
            print_blob=True,
            # Looking for a smaller order that fails takes minutes; a test run says what it found at once.
            phases=[Phase.generate, Phase.shrink] if soak else [Phase.generate],
        )
        with CrashingCollector() as cls.collector:
            run_state_machine_as_test(cls, settings=rules)


def _collect(folder: Path, base_url: str, feed: Feed, hour: Hour, kill_at: int) -> None:
    _die_at(kill_at)
    access = Access(DOMAIN, base_url, "key-for-a-test", max_parallel_details=2, max_attempts=2)
    with UzmanPostaApi(access) as api, make_store(folder).open_hour(feed, hour) as work:
        work.commit(collect_hour(api, work, Options(lookback_seconds=LOOKED_AT_AGAIN)))


def _die_at(kill_at: int) -> None:
    """Kills this process at its so-manieth call, write, flush, rename or removal; a write may be torn."""
    steps, counting = count(), threading.Lock()

    def step() -> bool:
        with counting:
            return next(steps) == kill_at

    def die() -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def stepwise(real: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            if step():
                die()
            return real(*arguments, **named)

        return done

    def torn_write(handle: int, data: bytes) -> int:
        if step():
            write(handle, data[: len(data) // 2])
            die()
        return write(handle, data)

    write = os.write
    os.replace, os.fsync, os.unlink = stepwise(os.replace), stepwise(os.fsync), stepwise(os.unlink)
    os.write = torn_write
    UzmanPostaApi._call = stepwise(UzmanPostaApi._call)  # type: ignore[method-assign]


def _no_waiting(budget: SharedBudget, seconds: float) -> None:
    """Pauses and backoff are over at once."""
    budget._calls.change(lambda *_: (Calls(), None))


def _fork_for_each_line() -> None:
    SharedBudget.sleep = _no_waiting  # type: ignore[method-assign]
    pa.array([""])  # loads pandas, which takes longer than to collect an hour: here once, and not in each fork
    for line in sys.stdin:
        folder, base_url, feed_name, start, kill_at = json.loads(line)
        child = os.fork()
        if not child:
            code = 1
            try:
                _collect(Path(folder), base_url, feed_of(DOMAIN, feed_name), Hour(start, "UTC"), kill_at)
                code = 0
            except ApiError:
                code = 2
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        status = os.waitpid(child, 0)[1]
        ended = {0: COMMITTED, 2: API_FAILED}.get(os.waitstatus_to_exitcode(status), BROKEN)
        sys.stdout.write(f"{KILLED if os.WIFSIGNALED(status) else ended}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _fork_for_each_line()
