"""`mailevents migrate --adopt` as a process: the old tool's logs become hours of the store, each event once."""

from __future__ import annotations

import json
from pathlib import Path

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.model.event import Origin
from mailevents_dagster_tests.sources.uzmanposta.migration.adopted import (
    AUTH,
    AUTHENTICATION,
    FIRST,
    INCOMING,
    NOW,
    OLD,
    POSITION,
    adopt,
    ids,
    lines,
    mail,
    row,
    settings_of,
    store,
)
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import INI, OldTool, state
from mailevents_dagster_tests.store.kept import assert_agrees_with_itself, known


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


def test_a_feed_in_a_linked_folder_is_found(tool: OldTool, tmp_path: Path) -> None:
    elsewhere = tmp_path / "disk"
    elsewhere.mkdir()
    (elsewhere / "a.log").write_bytes(lines(mail(OLD.start, "A")))
    (tool.folder / "output" / "Example.COM" / "mail").mkdir(parents=True)
    (tool.folder / "output" / "Example.COM" / "mail" / "incominglog").symlink_to(elsewhere)
    (elsewhere / "again").symlink_to(tool.folder / "output")
    assert row(adopt(tool), INCOMING)[:2] == [1, 1]
