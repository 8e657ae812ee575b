"""Hours that are destroyed: what goes, what stays, what is recorded, and that nothing brings them back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.event import SourceError
from mailevents_dagster.model.hour import SECONDS, Hour
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.store.destruction import destroying
from mailevents_dagster.store.destruction_record import DestroyedError, read_destruction
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.store import NotCollectedError, Store
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import (
    DOMAIN,
    INCOMING,
    NOON,
    START,
    event,
    make_store,
)
from mailevents_dagster_tests.store.destroying import (
    JOURNAL,
    LATER,
    RECORD,
    RULE,
    destroy,
    inventory,
    kept,
    leave,
    never,
)
from mailevents_dagster_tests.store.kept import LOG, MANIFEST, SNAPSHOT, commit, commit_hours, files, root

pytestmark = pytest.mark.usefixtures("from_this_autumn_on")


# --- what goes and what stays


def test_log_and_snapshot_go_and_the_manifest_stays_with_its_hashes(store: Store) -> None:
    done = commit(store, [event(START), event(START + 9)])
    manifest = (root(store) / MANIFEST).read_bytes()

    record = destroy(store)

    assert set(kept(store)) == {MANIFEST, RECORD}
    assert (root(store) / MANIFEST).read_bytes() == manifest
    assert record
    assert read_destruction(store.layout.root / RECORD) == record
    assert (record.domain, record.feed, record.hour, record.events) == (DOMAIN, INCOMING.name, NOON.key, 2)
    assert record.files == (done.manifest.log, done.manifest.snapshot)
    assert (record.rule, record.finished is not None) == (RULE, True)
    assert record.program.startswith("mailevents-dagster ")


def test_a_record_is_sealed_and_people_can_read_it(store: Store) -> None:
    commit(store, [event(START)])
    destroy(store)
    path = root(store) / RECORD
    content = json.loads(path.read_text())
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", content["finished_at"])
    path.write_text(path.read_text().replace("mail_days: 90", "mail_days: 10"))
    with pytest.raises(DamagedError):
        read_destruction(store.layout.root / RECORD)


def test_what_crashes_and_damages_left_of_an_hour_goes_too(store: Store) -> None:
    commit(store, [event(START)])
    left = [f"{LOG}.damaged", f"{LOG}.damaged1", f"{SNAPSHOT}.damaged", JOURNAL, f"{JOURNAL}.damaged"]
    left += [str(Path(name).with_name(f".{Path(name).name}.partial")) for name in (LOG, SNAPSHOT, JOURNAL)]
    leave(store, *left)

    record = destroy(store)

    assert set(kept(store)) == {MANIFEST, RECORD}
    assert record
    assert {file.path for file in record.files} == {LOG, SNAPSHOT, *left}
    assert all(len(file.sha256) == 64 and file.bytes for file in record.files)


@pytest.mark.parametrize("name", [LOG, SNAPSHOT, JOURNAL, f"{SNAPSHOT}.damaged", f"{JOURNAL}.damaged"])
def test_an_hour_that_was_never_committed_is_destroyed_and_recorded(name: str, store: Store) -> None:
    leave(store, name)

    record = destroy(store)

    assert set(kept(store)) == {RECORD}
    assert record
    assert record.events is None
    assert [file.path for file in record.files] == [name]
    assert store.cursor(INCOMING).is_closed(START)


def test_a_log_that_had_another_name_goes_with_its_hour(store: Store, tmp_path: Path) -> None:
    commit(store, [event(START)])
    renamed = Store(str(tmp_path / "data"), "UTC", "new_{type}_%Y%m%d%H.log", store.kinds, tmp_path / "data")

    destroy(renamed)

    assert set(kept(store)) == {MANIFEST, RECORD}


def test_hours_and_feeds_beside_it_stay_as_they_are(store: Store) -> None:
    commit_hours(store, -24, -1, 0, 1)
    for name in FEED_KINDS:
        if name != INCOMING.name:
            commit(store, [event(START)], feed=feed_of(DOMAIN, name))
    before = files(store)

    destroy(store)

    assert {name: before[name] for name in before if name not in (LOG, SNAPSHOT)}.items() <= files(store).items()
    assert len(store.dataset(INCOMING, [hour_of(-24), hour_of(-1), hour_of(1)]).files) == 3


def test_empty_folders_go(store: Store) -> None:
    commit_hours(store, 0, 1)
    day, log_folder = (root(store) / SNAPSHOT).parent, (root(store) / LOG).parent
    destroy(store)
    assert day.exists()
    assert log_folder.exists()
    destroy(store, hour_of(1))
    assert not day.parent.exists()
    assert not log_folder.exists()


def test_hours_are_found_by_name_in_zones_where_one_occurs_twice(tmp_path: Path) -> None:
    store = make_store(tmp_path / "data", "America/New_York")
    first = Hour.from_key("2026-11-01-01:00", "America/New_York")
    for hour in (first, first.next):
        commit(store, [event(hour.start)], hour=hour)

    assert list(inventory(store)) == [first, first.next]
    destroy(store, first)
    assert list(inventory(store)) == [first.next]
    assert len(store.dataset(INCOMING, [first.next]).files) == 1


def test_hours_that_end_later_are_no_part_of_an_inventory(store: Store) -> None:
    commit_hours(store, 0, 1, 2)
    found = Inventory(store.layout, store.timezone, LATER).files(INCOMING, hour_of(2).start)
    assert list(found) == [NOON]


def test_feeds_of_a_store_are_those_with_files(store: Store) -> None:
    commit(store, [event(START)])
    commit(store, [event(START)], feed=feed_of("removed.example", "authentication"))
    leave(store, "journal/old.example/quarantine/hold/2026-11-20_12.journal")
    (root(store) / "output" / "lost+found").mkdir()
    assert [str(feed) for feed in store.feeds()] == [
        "example.com mail/incominglog",
        "old.example quarantine/hold",
        "removed.example authentication",
    ]


def test_an_hour_on_an_object_store_is_destroyed(tmp_path: Path, bucket: str) -> None:
    store = make_store(bucket, scratch=tmp_path)
    commit(store, [event(START)])
    with store.open_hour(INCOMING, hour_of(1)) as work:
        work.journal.record(b"a" * 16, b"b" * 16, b"{}")
    assert list(store.feeds()) == [INCOMING]

    for hour in (NOON, hour_of(1)):
        assert destroy(store, hour)

    assert not store.layout.log(INCOMING, NOON).exists()
    assert not store.layout.snapshot(INCOMING, NOON).exists()
    assert not store.layout.journal(INCOMING, hour_of(1)).exists()
    assert store.layout.manifest(INCOMING, NOON).exists()
    assert inventory(store) == {}


# --- nothing brings it back


def test_a_destroyed_hour_is_neither_collected_nor_read_and_the_error_says_when_and_by_which_rule(store: Store) -> None:
    commit(store, [event(START)])
    destroy(store)
    cursor = store.cursor(INCOMING)

    said = r"was destroyed at 20.*retention.mail_days: 90"
    with pytest.raises(DestroyedError, match=said) as raised, store.open_hour(INCOMING, NOON):
        pytest.fail("it was opened")
    with pytest.raises(DestroyedError, match=re.escape(RECORD)):
        store.dataset(INCOMING, [NOON])

    assert isinstance(raised.value, SourceError)
    assert raised.value.hour_is_gone
    assert store.cursor(INCOMING) == cursor
    assert cursor.closed == ((START, START + SECONDS),)
    assert not cursor.failed
    with pytest.raises(NotCollectedError):
        store.dataset(INCOMING, [hour_of(1)])


def test_the_cursor_has_a_destroyed_hour_closed_also_when_it_is_made_anew(store: Store) -> None:
    commit_hours(store, 0)
    commit_hours(store, 1, closed=False)
    leave(store, SNAPSHOT.replace("12.parquet", "15.parquet"))
    for number in (0, 1, 3):
        destroy(store, hour_of(number))

    for cursor in (store.cursor(INCOMING), store.feed_cursor(INCOMING).rebuilt()):
        assert cursor.closed == ((START, START + 2 * SECONDS), (START + 3 * SECONDS, START + 4 * SECONDS))
        assert not cursor.open


def test_a_record_that_is_damaged_still_keeps_the_hour_from_being_collected(store: Store) -> None:
    commit(store, [event(START)])
    destroy(store)
    (root(store) / RECORD).write_bytes(b"rubbish")
    with pytest.raises(DestroyedError, match="is not as it was written"), store.open_hour(INCOMING, NOON):
        pytest.fail("it was opened")


def test_files_that_came_back_are_destroyed_again_and_the_first_record_is_kept_in_the_second(store: Store) -> None:
    commit(store, [event(START)])
    first = destroy(store)
    leave(store, LOG)

    second = destroy(store)

    assert first
    assert second
    assert [record["begun"] for record in second.earlier] == [first.begun]
    assert set(kept(store)) == {MANIFEST, RECORD}
    assert destroy(store) is None


# --- others at the same hour


def test_an_hour_that_is_being_collected_is_left_alone(store: Store) -> None:
    class HeldError(Exception):
        pass

    def held(why: str) -> None:
        raise HeldError(why)

    commit(store, [event(START)])
    before = files(store)
    found = inventory(store)[NOON]
    with (
        store.open_hour(INCOMING, NOON),
        pytest.raises(HeldError),
        destroying(store, INCOMING, NOON, found, RULE, held),
    ):
        pytest.fail("it was destroyed")
    assert {name: files(store)[name] for name in (LOG, SNAPSHOT)} == {name: before[name] for name in (LOG, SNAPSHOT)}
    assert destroy(store)


def test_what_another_process_destroyed_meanwhile_is_not_destroyed_twice(store: Store) -> None:
    commit(store, [event(START)])
    found = inventory(store)[NOON]
    destroy(store)
    before = files(store)
    with destroying(store, INCOMING, NOON, found, RULE, never) as record:
        assert record is None
    assert files(store) == before
