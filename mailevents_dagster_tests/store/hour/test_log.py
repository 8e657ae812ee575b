"""The log says just the events it is given, and a shipper that tails it keeps its place wherever that can be."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.files.digests import digest_of
from mailevents_dagster.files.objects import ChangedError
from mailevents_dagster.files.stored_path import stored_at
from mailevents_dagster.model.event import Event
from mailevents_dagster.store.hour.log import Change, StoredLog
from mailevents_dagster_tests.conftest import event
from mailevents_dagster_tests.store.kept import bring_log_up_to_date

EVENTS = [event(second, text="ş" * second) for second in range(6)]


def lines(events: Sequence[Event]) -> bytes:
    return b"".join(one.raw + b"\n" for one in events)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "hour.log"


def test_a_new_log_holds_a_line_for_each_event_in_their_order(path: Path) -> None:
    written = bring_log_up_to_date(path, EVENTS)
    assert path.read_bytes() == lines(EVENTS)
    assert written.change is Change.CREATED
    assert (written.bytes, written.sha256) == (len(lines(EVENTS)), hashlib.sha256(lines(EVENTS)).hexdigest())


def test_an_hour_without_events_has_an_empty_log(path: Path) -> None:
    assert bring_log_up_to_date(path, []).change is Change.CREATED
    assert path.read_bytes() == b""
    assert bring_log_up_to_date(path, []).change is Change.UNCHANGED


def test_a_log_that_says_it_already_is_not_touched(path: Path) -> None:
    bring_log_up_to_date(path, EVENTS)
    before = path.stat()
    assert bring_log_up_to_date(path, EVENTS).change is Change.UNCHANGED
    after = path.stat()
    assert (after.st_mtime_ns, after.st_ctime_ns, after.st_ino) == (
        before.st_mtime_ns,
        before.st_ctime_ns,
        before.st_ino,
    )


def test_events_at_the_end_are_appended_to_the_same_file(path: Path) -> None:
    bring_log_up_to_date(path, EVENTS[:3])
    with path.open("rb") as tailing:
        assert tailing.read() == lines(EVENTS[:3])
        inode = path.stat().st_ino
        written = bring_log_up_to_date(path, EVENTS)
        assert written.change is Change.APPENDED
        assert tailing.read() == lines(EVENTS[3:])
    assert path.stat().st_ino == inode
    assert written.sha256 == hashlib.sha256(lines(EVENTS)).hexdigest()


def test_the_first_events_of_an_hour_are_appended_to_its_empty_log(path: Path) -> None:
    bring_log_up_to_date(path, [])
    inode = path.stat().st_ino
    assert bring_log_up_to_date(path, EVENTS).change is Change.APPENDED
    assert path.stat().st_ino == inode


@pytest.mark.parametrize("there", [EVENTS[1:], EVENTS[:2] + EVENTS[3:], [*EVENTS, event(9)], EVENTS[::-1]])
def test_a_log_that_says_something_else_is_replaced_as_a_whole(there: list[Event], path: Path) -> None:
    bring_log_up_to_date(path, there)
    with path.open("rb") as reading:
        assert bring_log_up_to_date(path, EVENTS).change is Change.REPLACED
        assert reading.read() == lines(there)
    assert path.read_bytes() == lines(EVENTS)
    assert [one.name for one in path.parent.iterdir()] == [path.name]


@given(st.integers(0, len(lines(EVENTS))), st.integers(0, len(EVENTS)))
@settings(max_examples=150)
def test_a_log_that_was_cut_anywhere_is_completed_in_place(
    tmp_path_factory: pytest.TempPathFactory, cut: int, number: int
) -> None:
    path = tmp_path_factory.mktemp("log") / "hour.log"
    path.write_bytes(lines(EVENTS)[:cut])
    inode = path.stat().st_ino
    written = bring_log_up_to_date(path, EVENTS[:number])
    whole = lines(EVENTS[:number])
    assert path.read_bytes() == whole
    expected = Change.UNCHANGED if cut == len(whole) else Change.APPENDED if cut < len(whole) else Change.REPLACED
    assert written.change is expected
    assert (path.stat().st_ino == inode) == (expected is not Change.REPLACED)


def test_a_log_on_an_object_store_is_replaced_where_a_local_one_is_appended_to(
    bucket: str,
) -> None:
    path, stored = stored_at(bucket) / "hour.log", StoredLog()
    assert bring_log_up_to_date(path, EVENTS[:3], stored).change is Change.CREATED
    assert bring_log_up_to_date(path, EVENTS, stored).change is Change.REPLACED
    assert path.read_bytes() == lines(EVENTS)
    stored.sha256 = digest_of(path)
    assert bring_log_up_to_date(path, EVENTS, stored).change is Change.UNCHANGED
    with pytest.raises(ChangedError):
        bring_log_up_to_date(path, EVENTS[:3], StoredLog())
