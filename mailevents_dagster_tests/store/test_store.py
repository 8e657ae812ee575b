"""Hours as the store keeps them: committed whole, agreeing with themselves, and whole again after any crash."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.events import Collection, Detail, Event, Gap
from mailevents_dagster.feeds import FEED_KINDS, Feed
from mailevents_dagster.hours import Hour
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store import atomic, log
from mailevents_dagster.store.log import Change
from mailevents_dagster.store.manifest import DamagedError, StoredFile
from mailevents_dagster.store.store import Commit, NotCollectedError, Store
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

LOG = "output/example.com/mail/incominglog/example.com_incominglog_2026-11-20_12.log"
SNAPSHOT = "parquet/domain=example.com/category=mail/type=incominglog/date=2026-11-20/12.parquet"
MANIFEST = "manifests/example.com/mail/incominglog/2026-11-20/12.json"
LOCK = "locks/example.com/mail/incominglog.lock"


def commit(store: Store, found: Collection | Sequence[Event], feed: Feed = INCOMING, hour: Hour = NOON) -> Commit:
    with store.open_hour(feed, hour) as work:
        return work.commit(found if isinstance(found, Collection) else collection(found))


def mail(time: int) -> Event:
    """An event with the identity that the source gives its record, by which it is known again in a log."""
    return replace(ROW_FORMATS["mail"].event_of(event(time).raw, time), listing=digest(f"row {time}"))


def known(store: Store, feed: Feed = INCOMING, hour: Hour = NOON) -> list[Event]:
    with store.open_hour(feed, hour) as work:
        return list(work.known)


def root(store: Store) -> Path:
    return Path(store.layout.root.path)


def files(store: Store) -> dict[str, bytes]:
    return {str(path.relative_to(root(store))): path.read_bytes() for path in root(store).rglob("*") if path.is_file()}


def assert_agrees_with_itself(store: Store, feed: Feed = INCOMING, hour: Hour = NOON) -> list[Event]:
    """Log, snapshot and manifest of an hour say the same; returns its events."""
    events = known(store, feed, hour)
    logged = store.layout.log(feed, hour).read_bytes()
    table = store.dataset(feed, [hour]).to_table(columns=["raw", "event_time"])
    assert logged == b"".join(one.raw + b"\n" for one in events)
    assert table["raw"].to_pylist() == [one.raw.decode() for one in events]
    assert [int(at.timestamp()) for at in table["event_time"].to_pylist()] == [one.time for one in events]
    assert [one.time for one in events] == sorted(one.time for one in events)
    said = store.manifest(feed, hour)
    assert said
    for stored in (said.log, said.snapshot):
        content = (store.layout.root / stored.path).read_bytes()
        assert stored == StoredFile(stored.path, len(content), hashlib.sha256(content).hexdigest())
    assert said.events == len(events)
    assert said.details_owed == sum(one.detail.is_owed for one in events)
    assert (said.first_event, said.last_event) == ((events[0].time, events[-1].time) if events else (None, None))
    assert not [name for name in files(store) if "partial" in name]
    return events


# --- one commit


def test_a_commit_makes_the_files_that_are_fixed(store: Store) -> None:
    done = commit(store, [event(START)])
    assert set(files(store)) == {LOG, SNAPSHOT, MANIFEST, "manifests/store.json", LOCK}
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
    assert set(files(store)) == {LOCK}


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

    with store.open_hour(INCOMING, NOON) as work:
        work.journal.record(digest("a"), digest("b"), b'{"detail":1}')
        monkeypatch.setattr(atomic.os, "replace", fails)
        with pytest.raises(OSError, match="No space"):
            work.commit(collection([event(START)]))
    with store.open_hour(INCOMING, NOON) as work:
        assert work.journal.get(digest("a"), digest("b")) == b'{"detail":1}'


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


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """The kernel refuses to write more to a file, as it does where no space is left."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_feed_is_collected_by_one_process_at_a_time(store: Store) -> None:
    holder = f"""
import sys
from pathlib import Path
from mailevents_dagster.filelocks import take
import os
handle = os.open({str(root(store) / LOCK)!r}, os.O_RDWR | os.O_CREAT)
take(handle)
print("held", flush=True)
sys.stdin.read()
"""
    (root(store) / LOCK).parent.mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"held\n"
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
    assert_agrees_with_itself(store)


# --- killed in the middle

SCENARIOS = {
    "first": ([], [event(START), event(START + 9)]),
    "append": ([event(START), event(START + 9)], [event(START), event(START + 9), event(START + 20)]),
    "replace": (
        [event(START), event(START + 9, "b")],
        [event(START), event(START + 5), event(START + 9, "b", "changed")],
    ),
}
OLD_JOURNAL = (digest("a"), digest("b"), b'{"detail":1}')


def crash_everywhere(base: str) -> None:
    """Runs in a process of its own: commits in a child for each step that a kill can hit, until none is left."""
    for scenario in SCENARIOS:
        for step in range(100):
            child = os.fork()
            if not child:
                _commit_until_killed(Path(base) / scenario / str(step), scenario, step)
                os._exit(0)
            if os.waitpid(child, 0)[1] == 0:
                break


def _commit_until_killed(folder: Path, scenario: str, kill_at: int) -> None:
    store = make_store(folder)
    before, found = SCENARIOS[scenario]
    if before:
        commit(store, before)
    steps = iter(range(1000))

    def step() -> None:
        if next(steps) == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def stepwise(real: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any, **named: Any) -> Any:
            step()
            return real(*arguments, **named)

        return done

    def torn_append(path: Path, data: bytes) -> None:
        real_append(path, data[: len(data) // 2])
        step()
        real_append(path, data[len(data) // 2 :])

    real_append = log.append
    with store.open_hour(INCOMING, NOON) as work:
        work.journal.record(*OLD_JOURNAL)
        os.replace, os.fsync, os.unlink = stepwise(os.replace), stepwise(os.fsync), stepwise(os.unlink)
        log.append = torn_append
        work.commit(collection(found))
    step()


@pytest.fixture(scope="module")
def crashed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("crashed")
    program = f"from mailevents_dagster_tests.store.test_store import crash_everywhere; crash_everywhere({str(base)!r})"
    subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2], check=True)
    return base


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_after_a_kill_at_any_step_files_are_old_or_new_and_a_rerun_makes_what_a_calm_one_would_have(
    scenario: str, crashed: Path, tmp_path: Path
) -> None:
    before, found = SCENARIOS[scenario]
    calm = make_store(tmp_path / "calm")
    for one in (before, found):
        if one:
            commit(calm, one)
    folders = sorted((crashed / scenario).iterdir(), key=lambda folder: int(folder.name))
    assert len(folders) >= 8
    for folder in folders:
        store = make_store(folder)
        new = [one.raw for one in collection(found).events]
        old = [one.raw for one in before]
        assert [one.raw for one in known(store)] in (old, new), folder
        there = files(store)
        if scenario == "append":
            assert files(calm)[LOG].startswith(there[LOG]), folder
            assert there[LOG].splitlines()[: len(old)] == old, folder
        else:
            assert there.get(LOG, b"").splitlines() in (old, new), folder
        said = store.manifest(INCOMING, NOON)
        assert (said.events if said else 0) in (len(old), len(new))
        if said is None or said.events == len(old):
            with store.open_hour(INCOMING, NOON) as work:
                assert work.journal.get(*OLD_JOURNAL[:2]) == OLD_JOURNAL[2], folder

        commit(store, found)
        assert [one.raw for one in assert_agrees_with_itself(store)] == new, folder
        assert files(store) == files(calm), folder


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
