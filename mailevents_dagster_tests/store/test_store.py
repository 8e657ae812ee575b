"""Hours as the store keeps them: committed whole, agreeing with themselves, and whole again after any crash."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.events import Detail, Event, Gap
from mailevents_dagster.feeds import FEED_KINDS, Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.store.log import Change
from mailevents_dagster.store.manifest import DamagedError
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
    CURSOR,
    FEED_LOCK,
    HOUR_LOCK,
    LOG,
    MANIFEST,
    SNAPSHOT,
    STORE_LOCK,
    assert_agrees_with_itself,
    commit,
    files,
    known,
    mail,
    root,
)

# --- one commit


def test_a_commit_makes_the_files_that_are_fixed(store: Store) -> None:
    done = commit(store, [event(START)])
    assert set(files(store)) == {
        LOG,
        SNAPSHOT,
        MANIFEST,
        "manifests/store.json",
        CURSOR,
        FEED_LOCK,
        HOUR_LOCK,
        STORE_LOCK,
    }
    assert (str(done.log), str(done.snapshot)) == (str(root(store) / LOG), str(root(store) / SNAPSHOT))
    assert_agrees_with_itself(store)


def test_a_manifest_says_what_is_committed(store: Store) -> None:
    events = [event(START + 5), event(START + 60, detail=Detail.MISSING)]
    commit(store, collection(events, gaps=[Gap(START + 7, 1000)], strays=[event(START + 5)], closed=False))
    said = json.loads(files(store)[MANIFEST])
    expected = {
        "domain": DOMAIN,
        "feed": "mail/incominglog",
        "hour": "2026-11-20-12:00",
        "timezone": "UTC",
        "start": START,
        "end": START + 3600,
        "events": 2,
        "details_owed": 1,
        "gaps": [{"second": START + 7, "seen": 1000}],
        "first_event": START + 5,
        "last_event": START + 60,
        "listed_at": START + 7200.5,
        "listed": "2026-11-20T14:00:00+00:00",
        "closed": False,
        "complete": False,
        "strays": [digest(f"n{START + 5}").hex()],
        "version": 1,
        "origin": "api",
    }
    assert {name: said[name] for name in expected} == expected
    assert set(said) - set(expected) == {"log", "snapshot", "checksum"}
    assert (said["log"]["path"], said["snapshot"]["path"]) == (LOG, SNAPSHOT)
    read = store.manifest(INCOMING, NOON)
    assert read
    assert (read.gaps, read.complete, read.closed) == ((Gap(START + 7, 1000),), False, False)


def test_an_empty_hour_is_committed_too(store: Store) -> None:
    done = commit(store, [])
    assert (done.manifest.events, done.manifest.complete, done.log_change) == (0, True, Change.CREATED)
    assert files(store)[LOG] == b""
    assert store.dataset(INCOMING, [NOON]).to_table().num_rows == 0
    assert_agrees_with_itself(store)


def test_an_hour_that_was_never_committed_has_nothing(store: Store) -> None:
    assert store.manifest(INCOMING, NOON) is None
    assert known(store) == []
    assert files(store) == {}


def test_many_feeds_may_be_at_their_first_hour_at_once(store: Store) -> None:
    feeds = [Feed(f"d{number}.example", "authentication") for number in range(16)]
    together = threading.Barrier(len(feeds))
    done: list[Feed] = []

    def collect(feed: Feed) -> None:
        together.wait()
        commit(store, [event(START)], feed=feed)
        done.append(feed)

    threads = [threading.Thread(target=collect, args=(feed,)) for feed in feeds]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == sorted(feeds)


def test_the_store_says_how_its_data_are_written(store: Store) -> None:
    commit(store, [])
    assert json.loads(files(store)["manifests/store.json"]) == {"timezone": "UTC", "version": 1}


def test_what_is_kept_is_for_nobody_else(store: Store) -> None:
    before = os.umask(0)
    try:
        with store.open_hour(INCOMING, NOON) as work:
            work.journal.record(digest("a"), digest("b"), b"{}")
            modes = {path: path.stat().st_mode for path in root(store).rglob("*")}
            work.commit(collection([event(START)]))
        commit(store, [event(START), event(START + 1)])
        modes |= {path: path.stat().st_mode for path in (root(store), *root(store).rglob("*"))}
    finally:
        os.umask(before)
    assert len(modes) > 15
    assert {stat.S_IMODE(mode) for mode in modes.values() if stat.S_ISDIR(mode)} == {0o700}
    assert {stat.S_IMODE(mode) for mode in modes.values() if stat.S_ISREG(mode)} == {0o600}


# --- one commit after the other


def test_events_at_the_end_are_appended_to_the_log(store: Store) -> None:
    commit(store, [event(START)])
    before = (root(store) / LOG).stat().st_ino
    done = commit(store, [event(START), event(START + 1)])
    assert (done.added, done.log_change) == (1, Change.APPENDED)
    assert (root(store) / LOG).stat().st_ino == before
    assert_agrees_with_itself(store)


def test_an_event_in_the_middle_replaces_the_log(store: Store) -> None:
    commit(store, [event(START), event(START + 9)])
    assert commit(store, [event(START + 5)]).log_change is Change.REPLACED
    assert [one.time for one in assert_agrees_with_itself(store)] == [START, START + 5, START + 9]


def test_a_collection_that_found_the_same_touches_neither_log_nor_snapshot(store: Store) -> None:
    commit(store, [event(START), event(START + 1)])
    paths = [root(store) / LOG, root(store) / SNAPSHOT]
    before = [(path.stat().st_mtime_ns, path.stat().st_ino) for path in paths], files(store)
    done = commit(store, [event(START), event(START + 1)])
    assert ([(path.stat().st_mtime_ns, path.stat().st_ino) for path in paths], files(store)) == before
    assert (done.added, done.changed, done.unseen, done.log_change) == (0, 0, 0, Change.UNCHANGED)


def test_a_lost_log_or_snapshot_is_written_again_from_what_is_left(store: Store) -> None:
    commit(store, [mail(START), mail(START + 1)])
    before = files(store)
    (root(store) / LOG).unlink()
    commit(store, [])
    assert files(store)[LOG] == before[LOG]
    (root(store) / SNAPSHOT).unlink()
    commit(store, [mail(START), mail(START + 1)])
    assert files(store)[LOG] == before[LOG]
    assert_agrees_with_itself(store)


def test_gaps_are_those_of_the_last_listing_and_strays_those_of_all(store: Store) -> None:
    commit(store, collection([event(START)], gaps=[Gap(START, 1000)], strays=[event(1, "one")]))
    said = commit(store, collection([event(START)], strays=[event(2, "two")])).manifest
    assert said.gaps == ()
    assert said.strays == tuple(sorted([digest("one").hex(), digest("two").hex()]))


def test_an_hour_knows_the_strays_of_its_neighbours_alone(store: Store) -> None:
    for hour, name in ((NOON.previous, "before"), (NOON, "here"), (NOON.next, "after"), (NOON.next.next, "later")):
        commit(store, collection([], strays=[event(1, name)]), hour=hour)
    with store.open_hour(INCOMING, NOON) as work:
        assert work.strays_elsewhere == {digest("before"), digest("after")}


def test_feeds_and_hours_do_not_meet(store: Store) -> None:
    for number, name in enumerate(FEED_KINDS):
        for hour in (NOON, NOON.next):
            commit(store, [event(hour.start + number)], Feed(DOMAIN, name), hour)
    for number, name in enumerate(FEED_KINDS):
        for hour in (NOON, NOON.next):
            assert [one.time for one in assert_agrees_with_itself(store, Feed(DOMAIN, name), hour)] == [
                hour.start + number
            ]


found_events = st.builds(
    event,
    st.integers(START, START + 6),
    st.sampled_from("abcdef"),
    st.sampled_from(["", "changed", "ş\u2028"]),
    st.sampled_from([Detail.WHOLE, Detail.WHOLE, Detail.MISSING, Detail.PURGED]),
).map(lambda one: replace(one, identity=digest(f"{one.identity[:1]!r} {one.time}")))


@given(st.lists(st.lists(found_events, max_size=8), min_size=1, max_size=5))
@settings(max_examples=60)
def test_after_any_sequence_of_commits_log_snapshot_and_manifest_agree_and_nothing_is_lost(
    tmp_path_factory: pytest.TempPathFactory, rounds: list[list[Event]]
) -> None:
    store = make_store(tmp_path_factory.mktemp("store") / "data")
    seen = Counter[bytes]()
    for found in rounds:
        before = known(store)
        done = commit(store, found)
        events = assert_agrees_with_itself(store)
        seen |= Counter(one.identity for one in found)
        assert Counter(one.identity for one in events) == seen
        assert done.added == len(events) - len(before)
        kept = done.log_change in (Change.UNCHANGED, Change.APPENDED, Change.CREATED)
        assert kept == ([one.raw for one in events][: len(before)] == [one.raw for one in before])


def test_the_same_collections_make_the_same_bytes_everywhere(tmp_path: Path) -> None:
    stores = [make_store(tmp_path / name) for name in ("one", "other")]
    for store in stores:
        commit(store, [event(START), event(START + 9)])
        commit(store, [event(START + 5)])
    assert files(stores[0]) == files(stores[1])


# --- what goes wrong


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
from mailevents_dagster.filelocks import take
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
        assert done.wait(30)
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


def test_hours_are_kept_on_an_object_store_as_in_a_folder(tmp_path: Path) -> None:
    store = make_store(f"memory://{tmp_path.name}/prefix", scratch=tmp_path / "scratch")
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
