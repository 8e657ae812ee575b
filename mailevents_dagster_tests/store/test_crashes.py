"""Commits killed at any of their steps, and the commit after."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from mailevents_dagster.store.hour import log
from mailevents_dagster_tests.conftest import (
    INCOMING,
    NOON,
    START,
    collection,
    digest,
    event,
    make_store,
)
from mailevents_dagster_tests.store.kept import (
    LOG,
    assert_agrees_with_itself,
    commit,
    files,
    known,
)

pytestmark = pytest.mark.slow

SCENARIOS = {
    "first": ([], [event(START), event(START + 9)]),
    "append": ([event(START), event(START + 9)], [event(START), event(START + 9), event(START + 20)]),
    "replace": (
        [event(START), event(START + 9, "b")],
        [event(START), event(START + 5), event(START + 9, "b", "changed")],
    ),
}
OLD_JOURNAL = (digest("a"), digest("b"), b'{"detail":1}')


def crash_everywhere(base: str) -> None:
    """Runs in a process of its own: commits in a child for each step that a kill can hit, until none is left."""
    pa.array([""])  # loads pandas: here once, and not in each child
    for scenario in SCENARIOS:
        for step in range(100):
            child = os.fork()
            if not child:
                _commit_until_killed(Path(base) / scenario / str(step), scenario, step)
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            if os.WIFEXITED(status):
                assert status == 0, "it broke before it could be killed"
                break


def _commit_until_killed(folder: Path, scenario: str, kill_at: int) -> None:
    store = make_store(folder)
    before, found = SCENARIOS[scenario]
    if before:
        commit(store, before)
    steps = iter(range(1000))

    def step() -> None:
        if next(steps) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepwise(real: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            step()
            return real(*arguments, **named)

        return done

    def torn_append(path: Path, blocks: Iterable[bytes]) -> None:
        data = b"".join(blocks)
        real_append(path, [data[: len(data) // 2]])
        step()
        real_append(path, [data[len(data) // 2 :]])

    real_append = log.append
    with store.open_hour(INCOMING, NOON) as work:
        work.journal.record(*OLD_JOURNAL)
        os.replace, os.fsync, os.unlink = stepwise(os.replace), stepwise(os.fsync), stepwise(os.unlink)
        log.append = torn_append
        work.commit(collection(found))
    step()


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("crashed")
    program = (
        f"from mailevents_dagster_tests.store.test_crashes import crash_everywhere; crash_everywhere({str(base)!r})"
    )
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=True)
    return base


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_after_a_kill_at_any_step_files_are_old_or_new_and_a_rerun_makes_what_a_calm_one_would_have(
    scenario: str, crashed: Path, tmp_path: Path
) -> None:
    before, found = SCENARIOS[scenario]
    calm = make_store(tmp_path / "calm")
    for one in (before, found):
        if one:
            commit(calm, one)
    folders = sorted((crashed / scenario).iterdir(), key=lambda folder: int(folder.name))
    assert len(folders) >= 8
    for folder in folders:
        store = make_store(folder)
        new = [one.raw for one in collection(found).events]
        old = [one.raw for one in before]
        assert [one.raw for one in known(store)] in (old, new), folder
        there = files(store)
        if scenario == "append":
            assert files(calm)[LOG].startswith(there[LOG]), folder
            assert there[LOG].splitlines()[: len(old)] == old, folder
        else:
            assert there.get(LOG, b"").splitlines() in (old, new), folder
        said = store.manifest(INCOMING, NOON)
        assert (said.events if said else 0) in (len(old), len(new))
        if said is None or said.events == len(old):
            with store.open_hour(INCOMING, NOON) as work:
                assert work.journal.get(*OLD_JOURNAL[:2]) == OLD_JOURNAL[2], folder

        commit(store, found)
        assert [one.raw for one in assert_agrees_with_itself(store)] == new, folder
        assert files(store) == files(calm), folder
