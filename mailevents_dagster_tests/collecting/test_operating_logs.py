"""The collector's own logs: what was done and what went wrong, a line each, from several processes at once."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mailevents_dagster.collecting import operating_logs as module
from mailevents_dagster.collecting.operating_logs import OperatingLogs, written
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import OperatingLogSettings
from mailevents_dagster.sources.uzmanposta.collect import UzmanPostaClient
from mailevents_dagster.sources.uzmanposta.errors import ApiError
from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.collecting_process import collector_in, store_in
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, KEY, NOON, START, MakeApi, mail
from mailevents_dagster_tests.forks import side_by_side
from mailevents_dagster_tests.projects import Project, busy_hours, project


@pytest.fixture
def logs(store: Store, monkeypatch: pytest.MonkeyPatch) -> OperatingLogs:
    """At 12:34 in Istanbul."""
    at(monkeypatch, START - 3 * 3600 + 34 * 60)
    return OperatingLogs(store.layout, OperatingLogSettings(), "Europe/Istanbul")


def at(monkeypatch: pytest.MonkeyPatch, time: float) -> None:
    monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: time))


def folder(store: Store, feed: Feed = INCOMING) -> Path:
    return Path(str(store.layout.log(feed, NOON))).parent


def errors(store: Store, feed: Feed = INCOMING) -> list[dict[str, Any]]:
    return [
        json.loads(line) for path in folder(store, feed).glob("errors_*") for line in path.read_bytes().splitlines()
    ]


def test_a_message_is_a_line_in_a_file_named_by_the_hour_of_the_clock(logs: OperatingLogs, store: Store) -> None:
    logs.message(INCOMING, f"{INCOMING} 5 events\nand more")

    text = (folder(store) / "messages_2026-11-20_12.log").read_text()
    assert text == "2026-11-20T12:34:00+03:00 INFO example.com mail/incominglog: 5 events and more\n"


def test_what_a_run_says_of_a_feed_comes_into_its_file_and_into_the_runs_log(
    logs: OperatingLogs, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    log = logging.getLogger("a run")

    logs.log_of(INCOMING, log).info("collected")
    logs.log_of(AUTHENTICATION, log).warning("late")
    log.info("of no feed")

    assert caplog.messages == ["collected", "late", "of no feed"]
    assert (
        (folder(store) / "messages_2026-11-20_12.log")
        .read_text()
        .endswith("INFO example.com mail/incominglog: collected\n")
    )
    late = (folder(store, AUTHENTICATION) / "messages_2026-11-20_12.log").read_text()
    assert late == "2026-11-20T12:34:00+03:00 WARNING example.com authentication: late\n"


def test_of_its_files_the_newest_are_kept_and_nobody_elses_are_touched(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    logs = OperatingLogs(store.layout, OperatingLogSettings(messages_kept=3), "UTC")
    folder(store).mkdir(parents=True)
    for name in ("messages_old.log", "messages_2026-11-20_1.log", "messages_2026-11-20_01.log.gz", "a.log"):
        (folder(store) / name).write_text("somebody's")

    for hour in range(5):
        at(monkeypatch, START + hour * 3600)
        logs.message(INCOMING, "here")

    assert sorted(path.name for path in folder(store).iterdir()) == [
        "a.log",
        "messages_2026-11-20_01.log.gz",
        "messages_2026-11-20_1.log",
        "messages_2026-11-20_14.log",
        "messages_2026-11-20_15.log",
        "messages_2026-11-20_16.log",
        "messages_old.log",
    ]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("messages_%Y-%m-%d_%H.log", ["messages_2025-12-31_23.log", "messages_2026-01-01_00.log"]),
        ("%d.%m.%Y.txt", ["31.12.2025.txt", "01.01.2026.txt"]),
        ("log (%Y).txt", ["log (2025).txt", "log (2026).txt"]),
    ],
)
def test_age_is_told_by_the_name_wherever_the_year_stands(tmp_path: Path, pattern: str, names: list[str]) -> None:
    for name in (*reversed(names), "other.txt"):
        (tmp_path / name).touch()
    assert [path.name for path in written(tmp_path, pattern)] == names


def test_a_failed_attempt_is_a_line_with_what_was_asked_and_no_key(
    store: Store, fixed: FixedMail, simulator: Simulator, make_api: MakeApi, waits: list[float]
) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(START, "Q1")])
    simulator.fail_next("/logs/mail/Q1", Answer(503, body=KEY.encode()), times=1)

    with collector_in(store).hour(UzmanPostaClient(make_api(simulator.base_url)), INCOMING, NOON) as (work, found):
        work.commit(found)

    [line] = errors(store)
    assert line["error"] == "server"
    assert line["request"] == f"GET /logs/mail/Q1?time={START}"
    assert (line["domain"], line["category"], line["type"], line["hour"]) == (DOMAIN, "mail", "incominglog", NOON.key)
    assert (line["attempt"], line["time"][-6:]) == (1, "+00:00")
    assert line["duration_ms"] >= 0
    assert KEY not in json.dumps(line)


def test_being_told_to_wait_is_a_line_too(
    store: Store, simulator: Simulator, make_api: MakeApi, waits: list[float]
) -> None:
    simulator.fail_next("/logs/mail", Answer(429, headers={"Retry-After": "7"}), times=1)

    with collector_in(store).hour(UzmanPostaClient(make_api(simulator.base_url)), INCOMING, NOON) as (work, found):
        work.commit(found)

    assert [line["error"] for line in errors(store)] == ["rate"]


def test_an_hour_that_failed_is_a_line_of_its_own(store: Store, simulator: Simulator, make_api: MakeApi) -> None:
    simulator.fail_next("/logs/mail", Answer(401), times=None)

    with (
        pytest.raises(ApiError),
        collector_in(store).hour(UzmanPostaClient(make_api(simulator.base_url)), INCOMING, NOON),
    ):
        pass

    assert [line.get("hour_failed", False) for line in errors(store)] == [False, True]
    assert {line["error"] for line in errors(store)} == {"permission"}


def test_an_error_of_the_disk_in_the_commit_is_a_line(store: Store, simulator: Simulator, make_api: MakeApi) -> None:
    with (
        pytest.raises(OSError, match="full"),
        collector_in(store).hour(UzmanPostaClient(make_api(simulator.base_url)), INCOMING, NOON),
    ):
        raise OSError(28, "the disk is full")

    [line] = errors(store)
    assert (line["error"], line["hour_failed"]) == ("OSError", True)


def write_lines(to: Path, letter: str) -> None:
    writing = OperatingLogs(store_in(to).layout, OperatingLogSettings(messages_kept=99), "UTC")
    for _ in range(50):
        writing.message(INCOMING, letter * 5000)


@pytest.mark.slow
def test_lines_of_several_processes_do_not_run_into_each_other(tmp_path: Path) -> None:
    assert side_by_side(write_lines, *((tmp_path, letter) for letter in "abcd")) == [0] * 4

    text = "".join(path.read_text() for path in folder(store_in(tmp_path)).glob("messages_*"))
    texts = [line.rpartition(": ")[2] for line in text.splitlines()]
    assert sorted(texts) == sorted(letter * 5000 for letter in "abcd" for _ in range(50))


def test_a_file_that_cannot_be_written_is_told_and_holds_nothing_up(
    logs: OperatingLogs, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    (folder(store) / "messages_2026-11-20_12.log").mkdir(parents=True)

    logs.message(INCOMING, "lost")

    assert "messages_2026-11-20_12.log cannot be written" in caplog.text


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Project]:
    with project(tmp_path) as running:
        yield running


@pytest.mark.slow
def test_a_dagster_run_writes_the_lines_of_its_log_into_the_feeds_file(here: Project) -> None:
    hour = busy_hours()[0]

    result = here.materialize(["authentication"], hour)

    [path] = folder(here.store, AUTHENTICATION).glob("messages_*")
    said = path.read_text()
    assert f"INFO {AUTHENTICATION}: {hour}: " in said
    assert result.run_id not in said, "Dagster's own words around a line are for its own log"
    assert any(f"{AUTHENTICATION} {hour}: " in line for line in here.said(result))


@pytest.mark.slow
def test_a_follow_run_writes_a_line_for_each_feed_and_the_runs_log_has_none_of_them(here: Project) -> None:
    result = here.run("follow")

    for feed in here.settings.feeds:
        [path] = folder(here.store, feed).glob("messages_*")
        assert f"INFO {feed}: " in path.read_text()
    assert not any(" list and " in line and DOMAIN in line for line in here.said(result))
