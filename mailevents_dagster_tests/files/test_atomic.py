"""Files appear whole or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.files import atomic
from mailevents_dagster.files.atomic import append, make_folder, publish
from mailevents_dagster.files.stored_path import StoredPath, stored_at


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def write_half(path: StoredPath, error: BaseException) -> None:
    with publish(path) as file:
        file.write(b"half")
        raise error


@pytest.fixture
def loose_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def test_a_published_file_holds_what_was_written(tmp_path: Path) -> None:
    with publish(tmp_path / "a" / "b" / "file") as file:
        file.write(b"one")
        file.write(b"two")
    assert (tmp_path / "a/b/file").read_bytes() == b"onetwo"
    assert names(tmp_path) == ["a/b/file"]


def test_until_the_block_ends_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with publish(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt, SystemExit])
def test_after_an_error_the_old_file_stands_and_nothing_else_is_left(
    error: type[BaseException], tmp_path: Path
) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(error):
        write_half(path, error())
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


def test_when_renaming_fails_nothing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic.os, "replace", fails)
    with pytest.raises(OSError, match="No space"), publish(tmp_path / "file") as file:
        file.write(b"new")
    assert names(tmp_path) == []


def test_what_a_killed_process_left_behind_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".file.partial").write_bytes(b"much more than the next writes")
    with publish(tmp_path / "file") as file:
        file.write(b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert names(tmp_path) == ["file"]


def test_a_file_is_flushed_to_disk_before_it_is_renamed_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder(tmp_path / "a")
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def noted_replace(source: Path, target: Path) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(atomic.os, "fsync", noted_fsync)
    monkeypatch.setattr(atomic.os, "replace", noted_replace)
    with publish(tmp_path / "a" / "file") as file:
        file.write(b"new")
    assert done == ["file", "rename", "folder"]


@pytest.mark.usefixtures("loose_umask")
def test_files_and_folders_are_for_nobody_else(tmp_path: Path) -> None:
    with publish(tmp_path / "a" / "b" / "file") as file:
        file.write(b"x")
    append(tmp_path / "a" / "appended", [b"x"])
    assert [mode(tmp_path / name) for name in ("a", "a/b")] == [0o700, 0o700]
    assert [mode(tmp_path / name) for name in ("a/b/file", "a/appended")] == [0o600, 0o600]


def test_a_folder_that_is_there_keeps_its_mode(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    make_folder(tmp_path / "shared" / "own")
    assert mode(tmp_path / "shared") == 0o755


def test_appending_adds_to_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"one")
    before = path.stat().st_ino
    append(path, [b"t", b"wo"])
    assert (path.read_bytes(), path.stat().st_ino) == (b"onetwo", before)


def test_an_object_store_gets_a_whole_file_or_none(bucket: str) -> None:
    path = stored_at(bucket) / "a" / "file"
    with publish(path) as file:
        file.write(b"new")
        assert not path.exists()
    assert path.read_bytes() == b"new"
    with pytest.raises(ValueError, match="broken"):
        write_half(path, ValueError("broken"))
    assert path.read_bytes() == b"new"
