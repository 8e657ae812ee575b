"""`mailevents migrate --adopt` as a process: the old tool's logs become hours of the store, each event once."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from dotenv import dotenv_values

from mailevents_dagster.collecting.configuration import states_of, store_of
from mailevents_dagster.model.event import Origin
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings, load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import collection, digest
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import COMMAND, INI, OldTool, state
from mailevents_dagster_tests.store.kept import assert_agrees_with_itself, known

ZONE = "Europe/Istanbul"
NOW = int(time.time())
POSITION = NOW - 5 * 3600
INCOMING, AUTHENTICATION = feed_of("example.com", "mail/incominglog"), feed_of("example.com", "authentication")
AUTH = "[MailLogger:auth]\ndomain = example.com\ncategory = authentication\n"
FIRST = Hour.containing(POSITION, ZONE)
OLD = Hour(FIRST.start - 30 * 3600, ZONE)
"""Long before the position."""


def mail(time: int, queue_id: str, **more: object) -> dict[str, object]:
    """A mail as the old tool wrote it, with its detail."""
    recipients = [{"time": time, "mailto": "a@example.com"}]
    return {"queue_id": queue_id, "recipients": recipients, "subject": "şöyle", "logs": [], **more}


def lines(*records: Mapping[str, object]) -> bytes:
    return b"".join(json.dumps(record, ensure_ascii=False).encode(errors="surrogatepass") + b"\n" for record in records)


@pytest.fixture
def tool(old: OldTool) -> OldTool:
    old.ini(INI + AUTH)
    for section in ("in", "out", "auth"):
        old.position(section, POSITION)
    return old


def adopt(tool: OldTool, *more: str) -> subprocess.CompletedProcess[str]:
    return tool.migrate("--adopt", str(tool.folder / "output"), *more)


def settings_of(tool: OldTool) -> Settings:
    environ = {name: str(key) for name, key in dotenv_values(tool.out / ".env").items()}
    return load_settings(tool.out / "mailevents.yaml", environ=environ)


def store(tool: OldTool) -> Store:
    return store_of(settings_of(tool))


def ids(tool: OldTool, hour: Hour, feed: Feed = INCOMING) -> list[object]:
    return [json.loads(event.raw).get("queue_id") for event in known(store(tool), feed, hour)]


def row(done: subprocess.CompletedProcess[str], feed: Feed) -> Sequence[int]:
    """Files, records, unreadable, repeats, there before, new, hours written."""
    [line] = [line for line in done.stdout.splitlines() if line.strip().startswith(f"{feed} ") and "pos" not in line][
        -1:
    ]
    return [int(word.replace(",", "")) for word in line.split()[2:]]


def test_each_event_comes_once_and_in_order_into_the_hour_of_its_own_time(tool: OldTool) -> None:
    at = OLD.start
    before_and_after = [mail(at + 9, "C"), mail(at - 1, "A"), mail(at + 3600, "D")]
    tool.log("example.com/mail/incominglog/example.com_incominglog_2020-01-01_00.log", lines(*before_and_after))
    tool.log("example.com/mail/incominglog/any.name", lines(mail(at, "B"), mail(at + 9, "C"), mail(at + 10, "C")))
    before = state(tool.folder)

    done = adopt(tool)

    assert done.returncode == 0, done.stderr
    assert (ids(tool, OLD.previous), ids(tool, OLD), ids(tool, OLD.next)) == (["A"], ["B", "C", "C"], ["D"])
    assert row(done, INCOMING) == [2, 6, 0, 1, 0, 5, 3]
    assert_agrees_with_itself(store(tool), INCOMING, OLD)
    assert state(tool.folder) == before


def test_an_adopted_hour_says_where_it_comes_from_and_is_asked_for_by_nobody(tool: OldTool) -> None:
    tool.log("example.com/mail/incominglog/a.log", lines(mail(OLD.start, "A"), mail(POSITION, "P")))

    adopt(tool)

    manifest = store(tool).manifest(INCOMING, OLD)
    assert manifest
    assert (manifest.origin, manifest.complete, manifest.closed) == (Origin.LOGS, False, True)
    settings = settings_of(tool)
    assert settings.start == OLD.start
    [incoming] = [one for one in states_of(settings, store(tool)) if one.feed == INCOMING]
    assert incoming.start == FIRST.start
    assert incoming.cursor
    assert incoming.cursor.is_closed(OLD.start)
    # The hour of the position is there and yet to be asked for: the old tool had not come to its end.
    assert ids(tool, FIRST) == ["P"]
    assert not incoming.cursor.is_closed(FIRST.start)


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


def test_like_records_without_an_id_are_kept_once(tool: OldTool) -> None:
    sign_in = {"time": OLD.start + 5, "email": "a@example.com"}
    tool.log("example.com/authentication/a.log", lines(sign_in, sign_in, {**sign_in, "status": "failed"}))
    done = adopt(tool)
    assert len(known(store(tool), AUTHENTICATION, OLD)) == 2
    assert row(done, AUTHENTICATION) == [1, 3, 0, 1, 0, 2, 1]


def test_of_repeats_the_one_with_the_detail_is_kept_and_a_bare_row_is_marked(tool: OldTool) -> None:
    bare = {"queue_id": "A", "recipients": [{"time": OLD.start}]}
    tool.log("example.com/mail/incominglog/a.log", lines(bare, mail(OLD.start, "A"), bare))
    tool.log("example.com/mail/incominglog/b.log", lines({**bare, "queue_id": "B"}))
    adopt(tool)
    assert [(event.detail.value, b"logs" in event.raw) for event in known(store(tool), INCOMING, OLD)] == [
        ("whole", True),
        ("missing", False),
    ]


def test_what_is_no_record_is_kept_aside_and_what_stands_behind_it_on_its_line_is_not_lost(tool: OldTool) -> None:
    a, b, c = (lines(mail(OLD.start + number, name))[:-1] for number, name in enumerate("ABC"))
    torn = a[: len(a) // 2]
    bad = [b"[1, 2]", b"null", b"\xff\x00", b'{"queue_id": "no time"}', lines(mail(NOW + 7200, "later"))[:-1]]
    content = b"\n".join([torn + b, b"", a + c, *bad, torn])
    tool.log("example.com/mail/incominglog/a.log", content)
    tool.log("example.com/mail/incominglog/empty.log", b"")

    done = adopt(tool)

    assert ids(tool, OLD) == ["A", "B", "C"]
    assert row(done, INCOMING) == [2, 3, 7, 0, 0, 3, 1]
    [aside] = (tool.out / "data" / "unreadable").rglob("a.log.*")
    kept = aside.read_bytes().splitlines()
    assert kept[0] == kept[-1] == torn
    assert len(kept) == 7
    assert "unreadable" in done.stdout


def test_text_that_is_no_text_comes_through(tool: OldTool) -> None:
    raw = lines(mail(OLD.start, "raw", subject="\ud83d torn"))
    escaped = json.dumps(mail(OLD.start + 1, "escaped", subject="\ud83d torn")).encode() + b"\n"
    tool.log("example.com/mail/incominglog/a.log", b"\xef\xbb\xbf" + raw + escaped)
    adopt(tool)
    assert [json.loads(one.raw)["subject"] for one in known(store(tool), INCOMING, OLD)] == ["\ud83d torn"] * 2


def test_files_of_other_feeds_and_of_the_old_tool_itself_are_left_out_and_told(tool: OldTool) -> None:
    one = lines({"timestamp": OLD.start, "level": "error"})
    for name in (
        "global/mail/incominglog/a.log",
        "example.org/mail/incominglog/a.log",
        "example.com/quarantine/a.log",
        "example.com/quarantine/hold/a.log",
        "example.com/notes/a.log",
        "example.com/authentication/old.log.gz",
        "readme.log",
        "example.com/authentication/messages_2026-11-20_14.log",
        "example.com/authentication/errors_2026-11-20_14.log",
        "example.com/authentication/auth_heartbeat.json",
        "example.com/authentication/.hidden",
    ):
        tool.log(name, one)

    done = adopt(tool)

    assert done.returncode == 0
    for said in (
        "global/:",
        "example.org mail/incominglog is not in the settings",
        "example.com quarantine/quarantine is not in the settings",
        "example.com quarantine/hold is not in the settings",
        "example.com/notes/:",
        "example.com authentication: compressed",
        "not in a folder of a domain",
    ):
        assert done.stdout.count(f"1 files: {said}") == 1, said
    assert not list((tool.out / "data").rglob("*.parquet"))


def test_names_of_logs_that_the_ini_gives_to_the_old_tools_own_are_known(tool: OldTool) -> None:
    tool.ini("[DEFAULT]\nmessage_log_file_name = %Y-%m-%d.log\n" + (INI + AUTH).replace("[DEFAULT]\n", ""))
    tool.log("example.com/authentication/2026-11-20.log", lines({"timestamp": OLD.start}))
    tool.log("example.com/authentication/example.com_2026-11-20.log", lines({"timestamp": OLD.start}))
    assert row(adopt(tool), AUTHENTICATION)[:2] == [1, 1]


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


def test_a_feed_in_a_linked_folder_is_found(tool: OldTool, tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    (elsewhere / "a.log").write_bytes(lines(mail(OLD.start, "A")))
    (tool.folder / "output" / "Example.COM" / "mail").mkdir(parents=True)
    (tool.folder / "output" / "Example.COM" / "mail" / "incominglog").symlink_to(elsewhere)
    (elsewhere / "again").symlink_to(tool.folder / "output")
    assert row(adopt(tool), INCOMING)[:2] == [1, 1]
