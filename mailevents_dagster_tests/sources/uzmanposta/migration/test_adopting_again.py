"""Adopting beside what is there: a second run, hours of the API, a kill in the middle."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import replace

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.model.event import Origin
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster_tests.commands import COMMAND
from mailevents_dagster_tests.conftest import collection, digest
from mailevents_dagster_tests.sources.uzmanposta.migration.adopted import (
    FIRST,
    INCOMING,
    NOW,
    OLD,
    POSITION,
    ZONE,
    adopt,
    ids,
    lines,
    mail,
    row,
    settings_of,
    store,
)
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import OldTool, state
from mailevents_dagster_tests.store.kept import assert_agrees_with_itself, known


def test_a_second_run_changes_nothing(tool: OldTool) -> None:
    tool.log("example.com/mail/incominglog/a.log", lines(mail(OLD.start, "A"), mail(POSITION, "P")) + b"torn")
    tool.log("example.com/authentication/a.log", lines({"time": OLD.start, "email": "a"}))
    adopt(tool)
    once = state(tool.out)

    done = adopt(tool)

    assert done.returncode == 0
    assert "Nothing was changed" in done.stdout
    assert row(done, INCOMING) == [1, 2, 1, 0, 2, 0, 0]
    assert state(tool.out) == once


def test_what_the_api_gave_stays_and_only_unknown_events_are_added(tool: OldTool) -> None:
    tool.migrate()
    same, new = mail(FIRST.start, "same", subject="of the log"), mail(FIRST.start + 5, "new")
    given = json.dumps(mail(FIRST.start, "same", subject="of the API")).encode()
    event = replace(ROW_FORMATS["mail"].event_of(given, 0), listing=digest("row"))
    with store(tool).open_hour(INCOMING, FIRST) as work:
        work.commit(collection([event]))
    before = store(tool).manifest(INCOMING, FIRST)
    assert before
    tool.log("example.com/mail/incominglog/a.log", lines(same))
    once = state(tool.out)
    adopt(tool)
    assert state(tool.out) == once

    tool.log("example.com/mail/incominglog/a.log", lines(same, new))
    adopt(tool)

    assert [json.loads(one.raw)["subject"] for one in known(store(tool), INCOMING, FIRST)] == ["of the API", "şöyle"]
    after = store(tool).manifest(INCOMING, FIRST)
    assert after
    assert (after.origin, after.complete, after.listed_at) == (Origin.SOURCE, True, before.listed_at)


def test_an_adopted_hour_that_is_collected_later_is_of_the_api(tool: OldTool) -> None:
    tool.log("example.com/mail/incominglog/a.log", lines(mail(OLD.start, "A"), mail(OLD.start + 1, "B")))
    adopt(tool)
    event = ROW_FORMATS["mail"].event_of(lines(mail(OLD.start, "A"))[:-1], 0)
    with store(tool).open_hour(INCOMING, OLD) as work:
        work.commit(collection([replace(event, listing=digest("row"))]))
    manifest = store(tool).manifest(INCOMING, OLD)
    assert manifest
    assert (manifest.origin, manifest.complete, manifest.closed) == (Origin.SOURCE, True, True)
    assert ids(tool, OLD) == ["A", "B"]
    once = state(tool.out)
    adopt(tool)
    assert state(tool.out) == once


def test_an_event_that_the_hour_beside_holds_is_not_taken_in_a_second_time(tool: OldTool) -> None:
    tool.migrate()
    raw = lines(mail(FIRST.start - 1, "stray"))[:-1]
    event = replace(ROW_FORMATS["mail"].event_of(raw, 0), listing=digest("row"))
    with store(tool).open_hour(INCOMING, FIRST) as work:
        work.commit(collection([event], strays=[event]))
    once = state(tool.out)
    tool.log("example.com/mail/incominglog/a.log", raw)
    assert row(adopt(tool), INCOMING) == [1, 1, 0, 0, 1, 0, 0]
    assert state(tool.out) == once


def test_an_hour_whose_cursor_was_not_written_any_more_is_finished_by_the_next_run(tool: OldTool) -> None:
    tool.log("example.com/mail/incominglog/a.log", lines(mail(FIRST.start, "A")))
    adopt(tool)
    kept = store(tool)
    killed = replace(kept.cursor(INCOMING), open={}).begun(FIRST, NOW)
    write_cursor(kept.layout.cursor(INCOMING), killed, ZONE)
    adopt(tool)
    assert (list(kept.cursor(INCOMING).open), kept.cursor(INCOMING).failed) == ([FIRST.start], {})


def test_settings_that_begin_later_are_left_alone_and_the_change_is_told(tool: OldTool) -> None:
    tool.migrate()
    tool.log("example.com/mail/incominglog/a.log", lines(mail(OLD.start, "A")))

    done = adopt(tool)

    start = f"{OLD.key[:10]}T{OLD.key[11:]}"
    assert f"`start: {start}`" in done.stdout
    assert ids(tool, OLD) == ["A"]
    file = tool.out / "mailevents.yaml"
    text = file.read_text().replace(f"start: {FIRST.key[:10]}T{FIRST.key[11:]}", f"start: {start}", 1)
    file.write_text(text)
    assert "`start: " not in adopt(tool).stdout
    assert [one.start for one in states_of(settings_of(tool), store(tool))] == [FIRST.start] * 3


def test_a_dry_run_counts_and_writes_nothing(tool: OldTool) -> None:
    tool.log("example.com/mail/incominglog/a.log", lines(mail(OLD.start, "A")) + b"torn")
    done = adopt(tool, "--dry-run")
    assert done.returncode == 0
    assert row(done, INCOMING) == [1, 1, 1]
    assert list(tool.out.iterdir()) == []


def test_a_folder_without_logs_is_told(tool: OldTool) -> None:
    tool.log("not/here.log", b"")
    done = adopt(tool)
    assert done.returncode == 0
    assert "takes the folder that log_directory names" in done.stdout


def test_the_new_storage_is_not_adopted(tool: OldTool) -> None:
    tool.migrate()
    done = tool.migrate("--adopt", str(tool.out / "data"))
    assert (done.returncode, "is the new storage" in done.stderr) == (2, True)


def test_a_killed_run_is_made_whole_by_the_next(tool: OldTool) -> None:
    hours = 40
    for number in range(hours):
        at = OLD.start - number * 3600
        name = f"example.com/mail/incominglog/{number:02}.log"
        tool.log(name, lines(mail(at, f"A{number}"), mail(at + 3600, f"B{number}")))
    command = [COMMAND, "migrate", str(tool.folder / "uzmanposta.ini"), "--adopt", str(tool.folder / "output")]
    with subprocess.Popen(command, cwd=tool.out, env={**os.environ, "TZ": ZONE}, stdout=subprocess.DEVNULL) as running:
        manifests = tool.out / "data" / "manifests" / "example.com"
        while running.poll() is None and sum(1 for _ in manifests.rglob("*.json")) < 5:
            time.sleep(0.005)
        running.send_signal(signal.SIGKILL)
    assert running.returncode in (-signal.SIGKILL, 0)  # the latter where this process was held up

    assert adopt(tool).returncode == 0

    for number in range(hours):
        hour = Hour(OLD.start - number * 3600, ZONE)
        assert ids(tool, hour) == [f"A{number}"] + ([f"B{number + 1}"] if number + 1 < hours else [])
        assert_agrees_with_itself(store(tool), INCOMING, hour)
    cursor = store(tool).cursor(INCOMING)
    assert (cursor.failed, sum(end - first for first, end in cursor.closed)) == ({}, (hours + 1) * 3600)
    assert not list((tool.out / "data").rglob("*.lines"))
    once = state(tool.out)
    adopt(tool)
    assert state(tool.out) == once
