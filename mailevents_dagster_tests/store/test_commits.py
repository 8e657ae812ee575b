"""Hours as the store commits them: whole, agreeing with themselves, and added to by the next commit."""

from __future__ import annotations

import json
import os
import stat
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.model.event import Detail, Event, Gap
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.store.hour.log import Change
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, NOON, START, collection, digest, event, make_store
from mailevents_dagster_tests.store.kept import (
    CURSOR,
    CURSOR_LOCK,
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


def test_a_commit_makes_the_files_that_are_fixed(store: Store) -> None:
    done = commit(store, [event(START)])
    assert set(files(store)) == {
        LOG,
        SNAPSHOT,
        MANIFEST,
        "manifests/store.json",
        CURSOR,
        FEED_LOCK,
        CURSOR_LOCK,
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
        "gaps": [{"second": START + 7, "seen": 1000, "end": None, "why": ""}],
        "ranges": [],
        "first_event": START + 5,
        "last_event": START + 60,
        "listed_at": START + 7200.5,
        "listed": "2026-11-20T14:00:00+00:00",
        "closed": False,
        "complete": False,
        "strays": [digest(f"n{START + 5}").hex()],
        "version": 1,
        "origin": "api",
        "details_purged": 0,
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
    feeds = [feed_of(f"d{number}.example", "authentication") for number in range(16)]
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
            commit(store, [event(hour.start + number)], feed_of(DOMAIN, name), hour)
    for number, name in enumerate(FEED_KINDS):
        for hour in (NOON, NOON.next):
            assert [one.time for one in assert_agrees_with_itself(store, feed_of(DOMAIN, name), hour)] == [
                hour.start + number
            ]


found_events = st.builds(
    event,
    st.integers(START, START + 6),
    st.sampled_from("abcdef"),
    st.sampled_from(["", "changed", "ş\u2028"]),
    st.sampled_from([Detail.WHOLE, Detail.WHOLE, Detail.MISSING, Detail.PURGED]),
).map(
    lambda one: replace(
        one,
        identity=digest(f"{one.identity[:1]!r} {one.time}"),
        raw=one.raw.replace(b'"queue_id":"', b'"queue_id":"%d' % one.time),
    )
)
"""Each time is another mail: a mail that is listed at another time since is tested by itself."""


@pytest.mark.slow
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
