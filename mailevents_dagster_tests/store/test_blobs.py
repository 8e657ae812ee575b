"""A blob is there whole under its digest, or not at all, and is never taken for what it is not."""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import random
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import stored_at
from mailevents_dagster.sharing.locks import FileLocks
from mailevents_dagster.store.blobs import BLOCK, Blobs
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.store import Store

MESSAGE = b"From: a@example.com\r\nSubject: one\r\n\r\n" + b"The same line again.\r\n" * 500
DIGEST = hashlib.sha256(MESSAGE).hexdigest()


@pytest.fixture
def blobs(store: Store) -> Blobs:
    return store.blobs


@pytest.fixture
def folder(store: Store) -> Path:
    return Path(str(store.layout.blobs))


def kept(blobs: Blobs, *parts: bytes) -> str:
    with blobs.new() as blob:
        for part in parts:
            assert blob.write(part) == len(part)
    return blob.sha256


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def read_through(blobs: Blobs, name: str) -> None:
    with blobs.open(name) as file:
        while file.read(10_000):
            pass


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def test_a_blob_is_named_by_the_digest_of_the_message_and_read_as_it_was_written(blobs: Blobs, folder: Path) -> None:
    with blobs.new() as blob:
        blob.write(MESSAGE[:100])
        blob.write(memoryview(MESSAGE)[100:])
    assert (blob.sha256, blob.size) == (DIGEST, len(MESSAGE))
    assert blobs.open(DIGEST).read() == MESSAGE
    assert files(folder) == [f"{DIGEST[:2]}/{DIGEST}.eml.zst"]


def test_other_programs_unpack_it(blobs: Blobs, folder: Path) -> None:
    big = MESSAGE * 300
    name = kept(blobs, big)
    unpacked = subprocess.run(["zstd", "-dc", folder / name[:2] / f"{name}.eml.zst"], capture_output=True, check=True)
    assert unpacked.stdout == big


@pytest.mark.parametrize(
    ("message", "suffix"),
    [
        (b"", ".eml"),
        (b"a", ".eml"),
        (noise(5000), ".eml"),
        (noise(2 * BLOCK + 1), ".eml"),
        (base64.encodebytes(noise(5000)), ".eml.zst"),
        (b"\0" * 3 * BLOCK, ".eml.zst"),
        (MESSAGE + noise(3 * BLOCK), ".eml"),
        (MESSAGE * 100 + noise(3 * BLOCK), ".eml.zst"),
    ],
)
def test_it_is_packed_where_its_beginning_shrinks(message: bytes, suffix: str, blobs: Blobs, folder: Path) -> None:
    name = kept(blobs, message)
    (path,) = folder.glob("??/*")
    assert path.name == name + suffix
    assert path.stat().st_size <= len(message) + 100
    assert blobs.open(name).read() == message


@given(st.lists(st.binary(max_size=40) | st.integers(0, 2 * BLOCK).map(noise), max_size=4))
def test_any_bytes_in_any_pieces_come_back(bucket: str, tmp_path: Path, parts: list[bytes]) -> None:
    blobs = Blobs(Layout(stored_at(bucket), tmp_path, ""), lambda: FileLocks(tmp_path))
    message = b"".join(parts)
    name = kept(blobs, *parts)
    assert name == hashlib.sha256(message).hexdigest()
    with blobs.open(name) as file:
        assert file.read(3) + file.read(BLOCK) + file.read() == message


def test_the_pieces_do_not_matter(blobs: Blobs, folder: Path) -> None:
    message = MESSAGE * 200
    kept(blobs, message)
    (first,) = folder.glob("??/*")
    before = first.read_bytes()
    kept(blobs, *(message[at : at + 777] for at in range(0, len(message), 777)))
    assert [path.read_bytes() for path in folder.glob("??/*")] == [before]


def test_only_this_user_may_read_it(blobs: Blobs, folder: Path) -> None:
    before = os.umask(0)
    try:
        kept(blobs, MESSAGE)
    finally:
        os.umask(before)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.rglob("*")}
    assert modes == {0o700, 0o600}


@pytest.mark.parametrize("error", [ValueError, OSError, KeyboardInterrupt])
def test_after_an_error_nothing_is_left(error: type[BaseException], blobs: Blobs, folder: Path) -> None:
    def write_half() -> None:
        with blobs.new() as blob:
            blob.write(MESSAGE * 1000)
            raise error

    with pytest.raises(error):
        write_half()
    assert files(folder) == []


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_nothing_and_says_where(
    call: str, blobs: Blobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(blobs, b"another, so that the folders are there")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match=r"No space.*blobs"):
        kept(blobs, MESSAGE)
    assert not [name for name in files(folder) if name.startswith(".")]


def test_the_file_is_on_disk_before_it_has_its_name_and_the_name_before_the_block_ends(
    blobs: Blobs, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(blobs, b"another, so that the folders are there")
    done: list[str] = []
    replace, fsync = os.replace, os.fsync

    def synced(handle: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def renamed(source: Any, target: Any) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "replace", renamed)
    monkeypatch.setattr(os, "fsync", synced)
    (folder / DIGEST[:2]).mkdir()
    kept(blobs, MESSAGE)
    assert done == ["file", "rename", "folder"]


def test_many_threads_keep_the_same_and_others_once(blobs: Blobs, folder: Path) -> None:
    messages = [MESSAGE + bytes([number % 5]) for number in range(60)]
    with ThreadPoolExecutor(8) as threads:
        names = list(threads.map(lambda message: kept(blobs, message), messages))
    assert len(files(folder)) == len(set(names)) == 5
    assert blobs.missing([*names, DIGEST]) == {DIGEST}
    for name, message in zip(names, messages, strict=True):
        assert blobs.open(name).read() == message


def test_what_is_gone_is_named(blobs: Blobs) -> None:
    with pytest.raises(DamagedError, match=rf"{DIGEST}.eml is gone"):
        blobs.open(DIGEST)


@pytest.mark.parametrize("message", [MESSAGE, MESSAGE * 2000, noise(3000), noise(2 * BLOCK)])
@pytest.mark.parametrize("damage", ["cut", "half", "empty", "flipped", "zeroed", "longer", "rubbish"])
def test_a_damaged_blob_is_never_read_to_its_end(message: bytes, damage: str, blobs: Blobs, folder: Path) -> None:
    name = kept(blobs, message)
    (path,) = folder.glob("??/*")
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "cut": content[:-1],
            "half": content[:middle],
            "empty": b"",
            "flipped": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "zeroed": b"\0" * len(content),
            "longer": content + b"\0",
            "rubbish": b"this is no message",
        }[damage]
    )
    with pytest.raises(DamagedError, match=rf"{name}.*not as it was written"):
        read_through(blobs, name)


def test_a_damaged_blob_is_mended_by_the_next_like_it(blobs: Blobs, folder: Path) -> None:
    kept(blobs, MESSAGE)
    (path,) = folder.glob("??/*")
    path.write_bytes(b"x" * path.stat().st_size)
    kept(blobs, MESSAGE)
    assert blobs.open(DIGEST).read() == MESSAGE


def test_an_object_store_gets_a_whole_blob_or_none(bucket: str, tmp_path: Path) -> None:
    blobs = Blobs(Layout(stored_at(bucket), tmp_path, ""), lambda: FileLocks(tmp_path))

    def write_half() -> None:
        with blobs.new() as blob:
            blob.write(MESSAGE)
            raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        write_half()
    assert blobs.missing([DIGEST]) == {DIGEST}
    kept(blobs, MESSAGE)
    assert blobs.missing([DIGEST]) == set()
    with blobs.open(DIGEST) as file:
        assert file.read() == MESSAGE


WRITER = """
import sys
from pathlib import Path
from mailevents_dagster.sharing.locks import FileLocks
from mailevents_dagster.store.blobs import Blobs
from mailevents_dagster.store.layout import Layout

layout = Layout(Path(sys.argv[1]), Path(sys.argv[1]), "")
blobs = Blobs(layout, lambda: FileLocks(layout.locks))
for number in range(100_000):
    with blobs.new() as blob:
        for _ in range(number % 7):
            blob.write(b"%d " % number * 100_000)
    print(blob.sha256, flush=True)
"""


@pytest.mark.slow
def test_after_kills_at_random_moments_all_that_was_said_to_be_there_is_there_and_whole(
    store: Store, blobs: Blobs, folder: Path
) -> None:
    said = set[str]()
    for lines in (1, 2, 5, 11, 23):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(store.layout.root)], stdout=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        for writer in writers:
            assert writer.stdout
            said.update(writer.stdout.readline().strip() for _ in range(lines))
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            said.update(line.strip() for line in writer.communicate()[0].splitlines() if len(line) == 64)
    there = {path.name.partition(".")[0] for path in folder.glob("??/*")}
    assert said <= there
    for name in there:
        read_through(blobs, name)
    assert all(Path(name).name.startswith(".") for name in files(folder) if "/" not in name)
