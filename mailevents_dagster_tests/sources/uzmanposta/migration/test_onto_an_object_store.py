"""Moving over to settings whose storage is a bucket: positions become cursors there, old logs its hours."""

from __future__ import annotations

import shutil

import pytest

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.files.objects import Version
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.settings.first_files import Done
from mailevents_dagster.sources.uzmanposta.migration import migrating
from mailevents_dagster.store.cursor_file import write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster_tests.object_server import Fault, ObjectServer
from mailevents_dagster_tests.sources.uzmanposta.migration.adopted import (
    FIRST,
    INCOMING,
    OLD,
    adopt,
    ids,
    lines,
    mail,
    row,
    settings_of,
    store,
)
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import OldTool, state


@pytest.fixture
def onto(tool: OldTool, bucket: str) -> OldTool:
    """Settings as the first run writes them, and then with a bucket as the storage."""
    assert tool.migrate().returncode == 0
    shutil.rmtree(tool.out / "data")
    path = tool.out / "mailevents.yaml"
    path.write_text(path.read_text().replace("storage: ./data", f"storage: {bucket}"))
    assert bucket in path.read_text()
    return tool


def kept(s3: ObjectServer, tool: OldTool) -> dict[str, str]:
    root = store(tool).layout.root
    found = root.fs.find(root.path, detail=True)
    s3.forget()
    return {name: info["ETag"] for name, info in found.items()}


def test_positions_become_cursors_and_old_logs_hours_of_the_bucket(onto: OldTool, s3: ObjectServer) -> None:
    at = OLD.start
    onto.log("example.com/mail/incominglog/a", lines(mail(at - 1, "A"), mail(at, "B"), mail(at + 9, "C")))
    onto.log("example.com/mail/incominglog/torn", b"no record\n")
    before = state(onto.folder)

    done = adopt(onto)

    assert "Traceback" not in done.stderr, done.stderr
    assert (ids(onto, OLD.previous), ids(onto, OLD)) == (["A"], ["B", "C"])
    assert row(done, INCOMING)[-2:] == [3, 2]
    assert {one.start for one in states_of(settings_of(onto), store(onto))} == {FIRST.start}
    assert state(onto.folder) == before
    assert [name for name in kept(s3, onto) if "/unreadable/" in name]


def test_a_second_run_changes_nothing(onto: OldTool, s3: ObjectServer) -> None:
    onto.log("example.com/mail/incominglog/a", lines(mail(OLD.start, "B")))
    adopt(onto)
    before = kept(s3, onto)
    again = adopt(onto)
    assert "Nothing was changed." in again.stdout
    assert not [request for request in s3.requests if request.writes and "/locks/" not in request.key]
    assert kept(s3, onto) == before


def test_a_dry_run_writes_nothing_into_the_bucket(onto: OldTool, s3: ObjectServer) -> None:
    onto.log("example.com/mail/incominglog/a", lines(mail(OLD.start, "B")))
    done = adopt(onto, "--dry-run")
    assert "Traceback" not in done.stderr, done.stderr
    assert not [request for request in s3.requests if request.writes]


def test_a_feed_without_a_position_begins_where_an_earlier_run_began_it(onto: OldTool) -> None:
    assert onto.migrate().returncode == 0
    (onto.folder / "positions" / "in.pos").unlink()
    done = onto.migrate()
    assert done.returncode == 0, done.stdout
    assert "where its cursor in the storage says" in done.stdout


def test_a_bucket_that_is_gone_is_named_and_not_the_ini(onto: OldTool, s3: ObjectServer) -> None:
    (onto.folder / "positions" / "in.pos").unlink()
    s3.fault = lambda request: Fault(404, "NoSuchBucket")
    done = onto.migrate()
    assert done.returncode != 0
    assert "there is no such bucket. Create it" in done.stderr
    assert ".ini cannot be read" not in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cursor_that_a_collection_wrote_meanwhile_stays(onto: OldTool, monkeypatch: pytest.MonkeyPatch) -> None:
    there, collected = store(onto), Cursor(committed_at=1.0)
    read = migrating.read_cursor

    def read_and_be_overtaken(path: StoredPath, version: Version | None = None) -> Cursor | None:
        found = read(path, version)
        write_cursor(path, collected, there.timezone)
        return found

    monkeypatch.setattr(migrating, "read_cursor", read_and_be_overtaken)
    outcome = migrating._write_cursor(there, INCOMING, FIRST.start, dry=False)
    assert outcome.done is Done.LEFT
    assert there.cursor(INCOMING) == collected
