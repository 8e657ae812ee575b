"""The spool as it is written: one fsync for many, and nothing acknowledged that is not there."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mailevents_dagster.sources.webhook.spool import writing
from mailevents_dagster.sources.webhook.spool.frames import Posted, framed, frames
from mailevents_dagster.sources.webhook.spool.segments import next_segment, segments
from mailevents_dagster.sources.webhook.spool.writing import SpoolError, SpoolWriter


def frame(name: str, size: int = 10) -> bytes:
    return framed(Posted(1_796_000_000.0, name, b"x" * size))


def names(folder: Path) -> list[str]:
    return [one.posted.type for path in segments(folder) for one in frames(path.read_bytes())]


@contextmanager
def spool_in(folder: Path, most: int = 10**6) -> Iterator[SpoolWriter]:
    spool = SpoolWriter({"a": folder}, most)
    try:
        yield spool
    finally:
        spool.close()


class Disk:
    """Counts what is made durable, and holds it up or refuses it on demand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.syncs = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.is_reached = threading.Event()
        self.error = 0
        self._fsync = os.fsync
        monkeypatch.setattr(writing.os, "fsync", self.fsync)

    def fsync(self, handle: int) -> None:
        self.is_reached.set()
        assert self.may_go_on.wait(30)
        self.syncs += 1
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        self._fsync(handle)


def test_what_is_done_is_on_the_disk(tmp_path: Path) -> None:
    with spool_in(tmp_path) as spool:
        spool.add("a", frame("one")).result(30)
        assert names(tmp_path) == ["one"]
    [path] = segments(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600


def test_requests_of_one_moment_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with spool_in(tmp_path) as spool:
        spool.add("a", frame("first")).result(30)  # which makes the file
        disk = Disk(monkeypatch)
        disk.may_go_on.clear()
        waiting = [spool.add("a", frame("second"))]
        assert disk.is_reached.wait(30)
        waiting += [spool.add("a", frame(str(number))) for number in range(100)]
        assert not any(one.done() for one in waiting)
        disk.may_go_on.set()
        for one in waiting:
            one.result(30)
    assert disk.syncs == 2
    assert names(tmp_path) == ["first", "second", *map(str, range(100))]


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO], ids=["full", "broken"])
def test_what_the_disk_refuses_is_not_kept_and_hurts_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int
) -> None:
    with spool_in(tmp_path) as spool:
        spool.add("a", frame("before")).result(30)
        disk = Disk(monkeypatch)
        disk.error = error
        with pytest.raises(SpoolError, match=os.strerror(error)):
            spool.add("a", frame("refused")).result(30)
        disk.error = 0
        spool.add("a", frame("after")).result(30)
    assert names(tmp_path) == ["before", "after"]
    assert len(segments(tmp_path)) == 2


def test_half_a_write_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write

    def half(handle: int, data: memoryview) -> int:
        if len(data) < 20:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data[: len(data) // 2])

    with spool_in(tmp_path) as spool:
        spool.add("a", frame("before")).result(30)
        monkeypatch.setattr(writing.os, "write", half)
        with pytest.raises(SpoolError):
            spool.add("a", frame("refused", 5000)).result(30)
        monkeypatch.setattr(writing.os, "write", write)
    [path] = segments(tmp_path)
    assert path.read_bytes() == frame("before")


def test_a_full_spool_refuses_until_it_is_collected(tmp_path: Path) -> None:
    with spool_in(tmp_path, most=3000) as spool:
        spool.add("a", frame("one", 2000)).result(30)
        with pytest.raises(SpoolError, match="max_spool_mb"):
            spool.add("a", frame("two", 2000)).result(30)
        spool.add("a", frame("small")).result(30)
    with spool_in(tmp_path, most=3000) as spool:  # what lies there counts after a start, too
        with pytest.raises(SpoolError, match="max_spool_mb"):
            spool.add("a", frame("two", 2000)).result(30)
        for path in segments(tmp_path):
            path.unlink()
        spool.add("a", frame("two", 2000)).result(30)
    assert names(tmp_path) == ["two"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with spool_in(tmp_path / "file" / "spool") as spool, pytest.raises(SpoolError, match="file"):
        spool.add("a", frame("one")).result(30)


def test_large_and_old_segments_are_followed_by_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SEGMENT_BYTES", 1000)
    now = [1_796_000_000.0]
    spool = SpoolWriter({"a": tmp_path}, 10**6, lambda: now[0])
    spool.add("a", frame("large", 1000)).result(30)
    spool.add("a", frame("next")).result(30)
    now[0] += writing.SEGMENT_SECONDS
    spool.add("a", frame("later")).result(30)
    spool.close()
    assert len(segments(tmp_path)) == 3
    assert names(tmp_path) == ["large", "next", "later"]


def test_a_new_segment_stands_behind_all_others_whatever_the_clock_says(tmp_path: Path) -> None:
    first = next_segment(tmp_path, 1_796_000_000.0)
    first.touch()
    second = next_segment(tmp_path, 1_000_000_000.0)
    second.touch()
    assert segments(tmp_path) == [first, second]
    first.unlink()
    second.unlink()
    assert next_segment(tmp_path, 1_796_000_000.0) != first


def test_what_nobody_waits_for_any_more_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    disk = Disk(monkeypatch)
    disk.may_go_on.clear()
    with spool_in(tmp_path) as spool:
        spool.add("a", frame("one"))
        assert disk.is_reached.wait(30)
        given_up = spool.add("a", frame("given up"))
        last = spool.add("a", frame("last"))
        assert given_up.cancel()
        disk.may_go_on.set()
        last.result(30)
    assert names(tmp_path) == ["one", "last"]
