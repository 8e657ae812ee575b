"""A disk that is full, read-only or failing: the run says which file, and what was committed stays."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from mailevents_dagster.files import atomic
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import (
    INCOMING,
    NOON,
    START,
    collection,
    digest,
    event,
    make_store,
)
from mailevents_dagster_tests.store.kept import (
    LOG,
    MANIFEST,
    SNAPSHOT,
    assert_agrees_with_itself,
    commit,
    files,
    mail,
    root,
)

NOBODY = 65534


@pytest.mark.parametrize("step", ["write_snapshot", "bring_up_to_date", "write_manifest"])
def test_after_an_error_no_partial_file_is_left_and_the_next_commit_is_whole(
    step: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(store, [event(START), event(START + 9)])
    number = {"write_snapshot": 1, "bring_up_to_date": 2, "write_manifest": 3}[step]
    calls = iter(range(1, 100))
    real = os.replace

    def fails(source: Any, target: Any) -> None:
        if next(calls) == number:
            raise OSError(28, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patched:
        patched.setattr(atomic.os, "replace", fails)
        with pytest.raises(OSError, match="No space"):
            commit(store, [event(START + 5)])
    assert not [name for name in files(store) if "partial" in name]
    commit(store, [event(START + 5)])
    assert [one.time for one in assert_agrees_with_itself(store)] == [START, START + 5, START + 9]


def test_after_an_error_the_journal_is_kept(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with store.open_hour(INCOMING, NOON) as work, monkeypatch.context() as patched:
        work.journal.record(digest("a"), digest("b"), b'{"detail":1}')
        patched.setattr(atomic.os, "replace", fails)
        with pytest.raises(OSError, match="No space"):
            work.commit(collection([event(START)]))
    with store.open_hour(INCOMING, NOON) as work:
        assert work.journal.get(digest("a"), digest("b")) == b'{"detail":1}'


def test_a_full_disk_fails_the_commit_by_name_and_leaves_what_was_committed(store: Store) -> None:
    commit(store, [mail(START + second) for second in range(50)])
    before = files(store)
    more = [mail(START + second) for second in range(500)]

    with no_file_longer_than(4096), pytest.raises(OSError, match=r"12\.parquet") as raised:
        commit(store, more)

    assert raised.value.errno == errno.EFBIG
    assert files(store) == before
    commit(store, more)
    assert_agrees_with_itself(store)


@pytest.mark.parametrize(("step", "is_as_it_was"), [(SNAPSHOT, True), (LOG, False), (MANIFEST, False)])
def test_an_error_says_that_what_was_committed_is_as_it_was_only_where_it_is(
    step: str, is_as_it_was: bool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(store, [event(START), event(START + 9)])
    before = files(store)

    def fails(source: Any, target: Any) -> None:
        if str(target).endswith(step):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    real = os.replace
    monkeypatch.setattr(atomic.os, "replace", fails)
    with pytest.raises(OSError, match="No space left") as raised:
        commit(store, [event(START + 5)])

    assert str(raised.value.filename) == str(root(store) / step)
    assert ("what was committed before is as it was" in str(raised.value)) == is_as_it_was
    assert (files(store) == before) == is_as_it_was


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """The kernel refuses to write more to a file, as it does where no space is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("call", ["fsync", "replace", "write"])
def test_an_input_output_error_names_the_file_and_leaves_what_was_committed(
    call: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(store, [event(START)])
    before = files(store)

    def fails(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    def collect() -> None:
        with store.open_hour(INCOMING, NOON) as work:
            work.journal.record(digest("a"), digest("b"), b"{}")
            work.commit(collection([event(START), event(START + 5)]))

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fails)
        with pytest.raises(OSError, match="Input/output") as raised:
            collect()
    assert Path(str(raised.value.filename)).is_relative_to(root(store))
    assert {name: content for name, content in files(store).items() if "journal" not in name} == before


@pytest.mark.parametrize("name", [SNAPSHOT, LOG, MANIFEST])
def test_a_file_that_cannot_be_read_fails_the_collection_by_name_and_is_not_taken_for_damaged(
    name: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(store, [event(START)])

    def fails(path: StoredPath, *arguments: Any, **named: Any) -> Any:
        if path.name == Path(name).name and arguments[:1] in ((), ("rb",)):
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path, *arguments, **named)

    kind = type(store.layout.root)
    real = kind.open
    with monkeypatch.context() as patched:
        patched.setattr(kind, "open", fails)
        with pytest.raises(OSError, match=re.escape(Path(name).name)):
            commit(store, [event(START), event(START + 5)])
    assert not [one for one in files(store) if "damaged" in one]
    commit(store, [event(START), event(START + 5)])
    assert_agrees_with_itself(store)


@contextmanager
def folder_of_somebody() -> Iterator[Path]:
    """A folder, and meanwhile a user whom the kernel refuses what modes forbid; root it would let pass."""
    user = os.geteuid()
    folder = Path(tempfile.mkdtemp())
    try:
        if user == 0:
            os.chown(folder, NOBODY, -1)
            os.seteuid(NOBODY)
        yield folder
    finally:
        os.seteuid(user)
        shutil.rmtree(folder)


def test_a_read_only_folder_fails_the_commit_by_name_and_leaves_what_was_committed() -> None:
    with folder_of_somebody() as folder:
        store = make_store(folder / "data")
        commit(store, [event(START)])
        before = files(store)
        read_only = (root(store) / SNAPSHOT).parent
        read_only.chmod(0o500)

        with pytest.raises(PermissionError, match=r"12\.parquet"):
            commit(store, [event(START), event(START + 5)])

        assert files(store) == before
        read_only.chmod(0o700)
        commit(store, [event(START), event(START + 5)])
        assert_agrees_with_itself(store)


def test_a_storage_that_may_not_be_written_to_fails_by_name() -> None:
    with folder_of_somebody() as folder:
        folder.chmod(0o500)
        with pytest.raises(PermissionError, match=folder.name):
            commit(make_store(folder / "data"), [event(START)])
