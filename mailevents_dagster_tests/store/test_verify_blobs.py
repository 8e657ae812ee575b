"""`verify` reads every message of an hour again."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.store.blobs import Blobs
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import Finding, Severity, verify_hour
from mailevents_dagster_tests.conftest import NOON
from mailevents_dagster_tests.store.mailbox_hours import FUND, commit_messages, digest_of, mailbox_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = mailbox_store(tmp_path / "data")
    commit_messages(store, ["a", None, "b", "c", "a"])
    return store


def blob_of(store: Store, text: str) -> Path:
    path = store.blobs.path(digest_of(text))
    assert path
    return Path(str(path))


def found(store: Store) -> tuple[Finding, ...]:
    return verify_hour(store, FUND, NOON).findings


def test_whole_messages_are_no_finding(store: Store) -> None:
    assert found(store) == ()


def test_messages_that_are_gone_are_damage_and_named(store: Store) -> None:
    blob_of(store, "a").unlink()
    blob_of(store, "c").unlink()
    (one,) = found(store)
    assert (one.severity, one.kind, one.hour) == (Severity.DAMAGE, "blob", NOON.key)
    assert one.what == f"2 messages below {store.layout.blobs} are gone:"
    assert set(one.names) == {digest_of("a"), digest_of("c")}
    assert "Restore" in one.do
    assert "materialize the hour again" in one.do


def test_messages_that_are_damaged_are_told_from_those_that_are_gone(store: Store) -> None:
    blob_of(store, "a").unlink()
    path = blob_of(store, "b")
    path.write_bytes(path.read_bytes()[:-1])
    gone, damaged = found(store)
    assert gone.names == (digest_of("a"),)
    assert damaged.names == (digest_of("b"),)
    assert "are damaged" in damaged.what
    assert "delete them and materialize" in damaged.do


def test_one_that_cannot_be_read_now_is_not_to_be_deleted(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Blobs, "open", refuse)
    (one,) = found(store)
    assert "cannot be read" in one.what
    assert "delete" not in one.do


def test_after_the_file_is_there_again_all_is_well(store: Store) -> None:
    path = blob_of(store, "a")
    content = path.read_bytes()
    path.unlink()
    assert found(store)
    path.write_bytes(content)
    assert found(store) == ()
