"""Cursors: what they say of closed, open and failed hours, and that they say it after the data are there."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from mailevents_dagster.files.objects import Version
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.errors import Cause, PermanentError
from mailevents_dagster.store import feed_cursor
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import (
    UNFINISHED,
    Cursor,
    Failure,
)
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting.planned import hour_of, manifest_of, span
from mailevents_dagster_tests.conftest import AUTHENTICATION, INCOMING, START, collection, make_store
from mailevents_dagster_tests.store.kept import CURSOR, LOG, MANIFEST, SNAPSHOT, commit, commit_hours, fail, root

LISTED = START + 7200.5

# --- what it says


def test_closed_hours_are_said_as_spans_and_open_ones_with_when_they_were_listed(store: Store) -> None:
    commit_hours(store, 0, 5, 2, 1)
    commit_hours(store, 3, closed=False)
    cursor = store.cursor(INCOMING)
    assert (cursor.closed, cursor.open) == ((span(0, 3), span(5, 6)), {hour_of(3).start: LISTED})
    commit_hours(store, 3, 4)
    cursor = store.cursor(INCOMING)
    assert (cursor.closed, cursor.open, cursor.failed) == ((span(0, 6),), {}, {})
    assert [cursor.is_closed(hour_of(number).start) for number in (-1, 0, 5, 6)] == [False, True, True, False]
    assert store.cursor(AUTHENTICATION) == Cursor()


def test_an_old_hour_that_is_collected_later_adds_itself_and_moves_nothing_else() -> None:
    failed = {hour_of(7).start: Failure(2, 5.0, "server", "no")}
    before = Cursor((span(0, 3),), {hour_of(3).start: 1.0}, failed)
    after = before.committed(manifest_of(INCOMING, hour_of(-50)), 9.0)
    assert after == Cursor(
        (span(-50, -49), span(0, 3)),
        before.open,
        failed,
        0,
        9.0,
        without_strays=(span(-50, -49),),
        newest=(hour_of(-50).start, 0),
    )


def test_a_closed_hour_stays_closed_when_it_is_collected_again(store: Store) -> None:
    commit_hours(store, 0)
    commit_hours(store, 0, closed=False)
    assert (store.cursor(INCOMING).closed, store.cursor(INCOMING).open) == ((span(0, 1),), {})
    (root(store) / MANIFEST).write_bytes(b"rubbish")  # and so says the cursor where the manifest cannot
    commit_hours(store, 0, closed=False)
    assert (store.cursor(INCOMING).closed, store.cursor(INCOMING).open) == ((span(0, 1),), {})


def test_people_can_read_it_in_local_time(tmp_path: Path) -> None:
    store = make_store(tmp_path / "data", "Europe/Istanbul")
    noon, later = Hour(START, "Europe/Istanbul"), Hour(START + SECONDS, "Europe/Istanbul")
    commit(store, collection([]), hour=noon)
    commit(store, collection([], closed=False), hour=later)
    with pytest.raises(PermanentError), store.open_hour(INCOMING, later.next):
        raise PermanentError(Cause.PERMISSION, "the key is not accepted")
    said = json.loads((root(store) / CURSOR).read_text())
    assert (said["version"], said["timezone"], said["failures_in_a_row"]) == (1, "Europe/Istanbul", 1)
    assert said["closed"] == [
        {"from": "2026-11-20T15:00+03:00", "to": "2026-11-20T16:00+03:00", "hours": 1, "first": START, "end": noon.end}
    ]
    assert said["open"] == [
        {
            "hour": "2026-11-20T16:00+03:00",
            "listed": "2026-11-20T17:00+03:00",
            "start": later.start,
            "listed_at": LISTED,
        }
    ]
    (failed,) = said["failed"]
    assert (failed["hour"], failed["times"], failed["cause"]) == ("2026-11-20T17:00+03:00", 1, "permission")
    assert failed["said"] == "the key is not accepted"
    assert len((root(store) / CURSOR).read_text().splitlines()) > 20


def test_the_first_hour_of_a_feed_outlives_whatever_becomes_of_its_hours(store: Store) -> None:
    path, first = store.layout.cursor(INCOMING), hour_of(-3).start
    write_cursor(path, Cursor(first=first), "UTC")
    commit_hours(store, 0)
    commit_hours(store, 1, closed=False)
    fail(store, RuntimeError("no"), hour_of(2))
    cursor = store.cursor(INCOMING)
    assert (cursor.first, cursor.closed, list(cursor.open)) == (first, (span(0, 1),), [hour_of(1).start])
    assert cursor.given_up(hour_of(2)).first == first
    assert json.loads(path.read_text())["first_hour"] == "2026-11-20T09:00+00:00"


def test_a_cursor_without_a_first_hour_of_its_own_says_nothing_of_it(store: Store) -> None:
    commit_hours(store, 0)
    assert store.cursor(INCOMING).first is None
    assert not {"first", "first_hour"} & json.loads((root(store) / CURSOR).read_text()).keys()


# --- when it is written


def test_it_is_written_after_the_data(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    there: list[list[bool]] = []

    def write(path: StoredPath, cursor: Cursor, timezone: str, version: Version) -> None:
        there.append([(root(store) / name).exists() for name in (SNAPSHOT, LOG, MANIFEST)])
        write_cursor(path, cursor, timezone, version)

    monkeypatch.setattr(feed_cursor, "write_cursor", write)
    commit_hours(store, 0)
    assert there == [[False] * 3, [True] * 3]


def test_where_it_cannot_be_written_the_data_stand_and_the_hour_counts_as_failed(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(path: StoredPath, cursor: Cursor, timezone: str, version: Version) -> None:
        if cursor.closed:
            raise OSError(28, "No space left on device")
        write_cursor(path, cursor, timezone, version)

    with monkeypatch.context() as patched:
        patched.setattr(feed_cursor, "write_cursor", write)
        with pytest.raises(OSError, match="No space"):
            commit_hours(store, 0)
    assert store.feed_cursor(INCOMING).rebuilt().closed == (span(0, 1),)
    cursor = store.cursor(INCOMING)
    assert (cursor.closed, cursor.failed[START].cause) == ((), "OSError")
    commit_hours(store, 0)
    assert store.cursor(INCOMING).closed == (span(0, 1),)


def test_neighbouring_hours_that_are_committed_at_once_lose_nothing(store: Store) -> None:
    numbers, begin = range(12), threading.Barrier(4)

    def collect(mine: range) -> None:
        begin.wait()
        commit_hours(store, *mine)

    threads = [threading.Thread(target=collect, args=(numbers[offset::4],)) for offset in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.cursor(INCOMING).closed == (span(0, 12),)
    assert store.cursor(INCOMING).failed == {}


PROCESS = """
import os, signal, sys
from pathlib import Path
from mailevents_dagster_tests.conftest import INCOMING, make_store
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.store.kept import commit_hours
store = make_store(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
if sys.argv[2] == "kill":
    with store.open_hour(INCOMING, hour_of(0)):
        os.kill(os.getpid(), signal.SIGKILL)
commit_hours(store, *map(int, sys.argv[2:]))
"""


def processes(store: Store, *arguments: list[str]) -> list[int]:
    """Runs a process for each, all of them at once; returns how they ended."""
    begun = [
        subprocess.Popen(
            [sys.executable, "-c", PROCESS, str(root(store)), *some], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for some in arguments
    ]
    for process in begun:
        assert process.stdout
        assert process.stdout.readline() == b"ready\n"
    for process in begun:
        assert process.stdin
        process.stdin.write(b"\n")
        process.stdin.flush()
    for process in begun:
        process.communicate()
    return [process.returncode for process in begun]


@pytest.mark.slow
def test_two_processes_that_commit_neighbouring_hours_lose_nothing(store: Store) -> None:
    assert processes(store, ["0", "2", "4", "6", "8"], ["1", "3", "5", "7", "9"]) == [0, 0]
    assert store.cursor(INCOMING).closed == (span(0, 10),)


# --- failures


@pytest.mark.slow
def test_a_killed_collection_counts_as_failed(store: Store) -> None:
    for times in (1, 2):
        assert processes(store, ["kill"]) == [-9]
        cursor = store.cursor(INCOMING)
        assert (cursor.failed[START].cause, cursor.failed[START].times) == (UNFINISHED, times)
        assert cursor.failures_in_a_row == 1
    assert "has not ended, or its process was killed" in cursor.failed[START].said
    commit_hours(store, 0)
    assert (store.cursor(INCOMING).failed, store.cursor(INCOMING).failures_in_a_row) == ({}, 0)


def test_an_exception_leaves_its_cause_and_what_it_says(store: Store) -> None:
    error = PermanentError(Cause.PERMISSION, "the key is not accepted")
    assert (fail(store, error).cause, fail(store, error).said) == ("permission", "the key is not accepted")
    failure = fail(store, ValueError("odd"))
    assert (failure.times, failure.cause, failure.said) == (3, "ValueError", "odd")
    assert fail(store, OSError("full"), hour_of(1)).times == 1
    assert store.cursor(INCOMING).failures_in_a_row == 1


def test_hours_that_fail_one_after_the_other_in_a_run_are_one_try() -> None:
    cursor, at = Cursor(), float(START)
    for tries in (1, 2, 3):
        for hour in map(hour_of, range(24)):
            cursor = cursor.begun(hour, at).ended(hour, at + 500, "timeout", "")
            assert cursor.failures_in_a_row == tries
            at += 500
        at += 60
    assert {failure.times for failure in cursor.failed.values()} == {3}
    cursor = cursor.committed(manifest_of(INCOMING, hour_of(0)), at).begun(hour_of(1), at)
    assert cursor.failures_in_a_row == 1


def test_a_commit_ends_the_failures_in_a_row_and_those_of_its_hour_alone(store: Store) -> None:
    fail(store, ValueError("odd"))
    fail(store, ValueError("odd"), hour_of(1))
    commit_hours(store, 1)
    cursor = store.cursor(INCOMING)
    assert (list(cursor.failed), cursor.failures_in_a_row) == ([START], 0)


def test_an_hour_that_fails_counts_though_the_one_before_was_committed_since_it_began() -> None:
    one, next_one = hour_of(0), hour_of(1)
    after = Cursor().begun(one, 0).begun(next_one, 1).committed(manifest_of(INCOMING, one), 2)
    assert after.failures_in_a_row == 0
    assert after.ended(next_one, 3, "network", "no answer").failures_in_a_row == 1


def test_what_an_exception_says_is_kept_short_and_readable_whatever_it_holds(store: Store) -> None:
    assert fail(store, ValueError("x" * 100_000)).said == "x" * 500
    assert fail(store, ValueError("subject \ud800 \0 \u2028 ş")).said == "subject \\ud800 \0 \u2028 ş"

    class OddError(Exception):
        cause = ValueError("\ud800" * 1000)

    assert fail(store, OddError()).cause == "OddError"


def test_an_interrupt_leaves_the_hour_unfinished(store: Store) -> None:
    assert fail(store, KeyboardInterrupt()).cause == UNFINISHED


def test_a_failure_that_cannot_be_noted_does_not_hide_the_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(path: StoredPath, cursor: Cursor, timezone: str, version: Version) -> None:
        if cursor.failed[START].cause != UNFINISHED:
            raise OSError(28, "No space left on device")
        write_cursor(path, cursor, timezone, version)

    monkeypatch.setattr(feed_cursor, "write_cursor", write)
    assert fail(store, ValueError("odd")).cause == UNFINISHED
