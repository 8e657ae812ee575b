"""Hours that something goes wrong with, hours as they are read, and hours on an object store."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pytest

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.store import NotCollectedError, Store
from mailevents_dagster_tests.conftest import (
    AUTHENTICATION,
    DOMAIN,
    INCOMING,
    NOON,
    START,
    collection,
    digest,
    event,
    make_store,
)
from mailevents_dagster_tests.store.kept import (
    HOUR_LOCK,
    LOG,
    MANIFEST,
    SNAPSHOT,
    assert_agrees_with_itself,
    commit,
    files,
    known,
    mail,
    root,
)


def test_a_journal_outlives_an_hour_that_was_not_committed_and_goes_with_the_commit(store: Store) -> None:
    with store.open_hour(INCOMING, NOON) as work:
        work.journal.record(digest("a"), digest("b"), b"{}")
    with store.open_hour(INCOMING, NOON) as work:
        assert work.journal.get(digest("a"), digest("b")) == b"{}"
        work.commit(collection([]))
    assert not [name for name in files(store) if name.startswith("journal")]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b"null", b'{"domain":"example.com"}', b"\xff\xfe", b'{"gaps":1}']
)
def test_a_damaged_manifest_is_named(content: bytes, store: Store) -> None:
    commit(store, [event(START)])
    (root(store) / MANIFEST).write_bytes(content)
    with pytest.raises(DamagedError, match=r"12\.json"):
        store.manifest(INCOMING, NOON)


@pytest.mark.parametrize(("name", "value"), [("gaps", [1]), ("gaps", "x"), ("strays", 5), ("log", None), ("log", {})])
def test_a_manifest_with_a_field_of_another_kind_is_damaged(name: str, value: object, store: Store) -> None:
    commit(store, [event(START)])
    said = json.loads(files(store)[MANIFEST])
    (root(store) / MANIFEST).write_text(json.dumps({**said, name: value}))
    with pytest.raises(DamagedError):
        store.manifest(INCOMING, NOON)


@pytest.mark.parametrize("damage", [b"", b"rubbish", "half", "bit"])
@pytest.mark.parametrize("name", [SNAPSHOT, MANIFEST, LOG])
def test_a_damaged_file_is_set_aside_and_said_and_the_hour_made_whole(
    store: Store, name: str, damage: bytes | str
) -> None:
    commit(store, [mail(START + second) for second in range(50)])
    path = root(store) / name
    whole = path.read_bytes()
    bit = bytearray(whole)
    bit[len(bit) // 2] ^= 1
    damaged = damage if isinstance(damage, bytes) else whole[: len(whole) // 2] if damage == "half" else bytes(bit)
    path.write_bytes(damaged)

    with store.open_hour(INCOMING, NOON) as work:
        work.commit(collection([mail(START + second) for second in range(51)]))

    assert_agrees_with_itself(store)
    assert len(store.dataset(INCOMING, [NOON]).to_table()) == 51
    a_prefix_is_completed = name == LOG and whole.startswith(damaged)
    assert work.notes or a_prefix_is_completed or damaged == whole
    assert path.with_name(f"{path.name}.damaged").exists() == (not a_prefix_is_completed)


def test_events_that_the_api_forgot_come_back_from_the_log(store: Store) -> None:
    first = [mail(START + second) for second in range(5)]
    commit(store, first)
    (root(store) / SNAPSHOT).write_bytes(b"rubbish")

    done = commit(store, [mail(START + 9)])

    assert done.manifest.events == 6
    assert_agrees_with_itself(store)


def test_events_come_back_from_the_log_where_it_is_all_that_is_left(store: Store) -> None:
    commit(store, [mail(START + second) for second in range(5)])
    (root(store) / SNAPSHOT).unlink()
    (root(store) / MANIFEST).write_bytes(b"rubbish")

    done = commit(store, [mail(START + 9)])

    assert done.manifest.events == 6
    assert_agrees_with_itself(store)


@contextmanager
def held_by_another(store: Store) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has the hour until it is killed, or to the end of the block."""
    holder = f"""
import os, sys
from mailevents_dagster.files.locks import take
take(os.open({str(root(store) / HOUR_LOCK)!r}, os.O_RDWR | os.O_CREAT))
print("held", flush=True)
sys.stdin.read()
"""
    (root(store) / HOUR_LOCK).parent.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
        yield other
        other.kill()


def test_who_may_not_wait_for_an_hour_steps_aside(store: Store) -> None:
    class SteppedAsideError(Exception):
        pass

    def step_aside(why: str) -> None:
        raise SteppedAsideError(why)

    with (
        held_by_another(store),
        pytest.raises(SteppedAsideError, match="12:00 is being collected"),
        store.open_hour(INCOMING, NOON, step_aside),
    ):
        pass


@pytest.mark.slow
def test_an_hour_is_collected_by_one_process_at_a_time(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with held_by_another(store) as other:
        done = threading.Event()

        def collect() -> None:
            commit(store, [event(START)])
            done.set()

        waiting = threading.Thread(target=collect)
        waiting.start()
        assert not done.wait(0.2)
        assert not (root(store) / MANIFEST).exists()
        other.kill()
        assert done.wait(60)
        waiting.join()
    assert "is being collected by another process" in caplog.text
    assert_agrees_with_itself(store)


# --- reading


@pytest.fixture
def filled(store: Store) -> Store:
    for hour in (NOON, NOON.next):
        commit(store, [event(hour.start + second, text=str(second)) for second in range(0, 3600, 600)], hour=hour)
    return store


def test_hours_are_read_as_one_dataset_in_order(filled: Store) -> None:
    dataset = filled.dataset(INCOMING, [NOON, NOON.next])
    times = [int(at.timestamp()) for at in dataset.to_table()["event_time"].to_pylist()]
    assert times == list(range(START, START + 7200, 600))
    assert dataset.count_rows() == 12


def test_columns_can_be_chosen_and_rows_filtered(filled: Store) -> None:
    dataset = filled.dataset(INCOMING, [NOON, NOON.next])
    table = dataset.to_table(columns=["subject", "queue_id"], filter=pc.field("subject") == "600")
    assert table.schema.names == ["subject", "queue_id"]
    assert table.to_pydict() == {"subject": ["600"] * 2, "queue_id": [f"n{START + 600}", f"n{START + 4200}"]}


def test_the_folders_of_a_snapshot_are_columns(filled: Store) -> None:
    table = filled.dataset(INCOMING, [NOON]).to_table(columns=["domain", "category", "type", "date"])
    assert set(zip(*table.to_pydict().values(), strict=True)) == {(DOMAIN, "mail", "incominglog", "2026-11-20")}


def test_pandas_reads_hours_and_a_single_file(filled: Store) -> None:
    frame = filled.dataset(INCOMING, [NOON]).to_table().to_pandas()
    assert isinstance(frame, pd.DataFrame)
    assert frame["event_time"].is_monotonic_increasing
    assert str(frame["event_time"].dtype).endswith("UTC]")
    alone = pd.read_parquet(root(filled) / SNAPSHOT)
    assert alone["raw"].tolist() == frame["raw"].tolist()


def test_the_whole_tree_can_be_read_by_others(filled: Store) -> None:
    commit(filled, [event(START, text="x")], AUTHENTICATION)
    frame = pd.read_parquet(root(filled) / "parquet", columns=["event_time", "domain", "category", "raw"])
    assert Counter(frame["category"].astype(str)) == {"mail": 12, "authentication": 1}


def test_hours_that_are_not_there_are_named(filled: Store) -> None:
    absent = [NOON.previous, NOON.next.next]
    with pytest.raises(NotCollectedError, match="2026-11-20-11:00, 2026-11-20-14:00") as raised:
        filled.dataset(INCOMING, [NOON, *absent])
    assert "Materialize" in str(raised.value)


def test_of_many_hours_that_are_not_there_some_are_named(store: Store) -> None:
    hours = [Hour(START + number * 3600, "UTC") for number in range(30)]
    with pytest.raises(NotCollectedError, match="and 25 more"):
        store.dataset(INCOMING, hours)


# --- an object store


def test_hours_are_kept_on_an_object_store_as_in_a_folder(tmp_path: Path, bucket: str) -> None:
    store = make_store(bucket, scratch=tmp_path / "scratch")
    with store.open_hour(INCOMING, NOON) as work:
        work.journal.record(digest("a"), digest("b"), b"{}")
        assert list((tmp_path / "scratch").rglob("*.journal"))
        work.commit(collection([event(START), event(START + 9)]))
    assert not list((tmp_path / "scratch").rglob("*.journal"))
    assert commit(store, [event(START), event(START + 5), event(START + 20)]).added == 2
    commit(store, [event(START + 3600)], hour=NOON.next)
    fs = store.layout.root.fs
    paths = {path.partition("/prefix/")[2] for path in fs.find(store.layout.root.path)}
    assert {LOG, SNAPSHOT, MANIFEST, "manifests/store.json"} <= paths
    events = known(store)
    assert [one.time for one in events] == [START, START + 5, START + 9, START + 20]
    assert store.layout.log(INCOMING, NOON).read_bytes() == b"".join(one.raw + b"\n" for one in events)
    said = store.manifest(INCOMING, NOON)
    assert said
    for stored in (said.log, said.snapshot):
        assert hashlib.sha256((store.layout.root / stored.path).read_bytes()).hexdigest() == stored.sha256
    table = store.dataset(INCOMING, [NOON, NOON.next]).to_table(columns=["raw", "domain"])
    assert table.num_rows == 5
    assert set(table["domain"].to_pylist()) == {DOMAIN}
