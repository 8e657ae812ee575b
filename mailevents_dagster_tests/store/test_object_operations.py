"""What is done with hours on an object store beside collecting them: mended, looked through, listed, destroyed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from mailevents_dagster.files.objects import ABSENT, read_tagged, remove, write, write_if
from mailevents_dagster.files.stored_path import StoredPath, stored_at
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.store.destruction_record import DestroyedError
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.layout import names_in
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import verify_feed, verify_hour
from mailevents_dagster_tests.collecting.planned import hour_of
from mailevents_dagster_tests.conftest import INCOMING, NOON, START, event, make_store
from mailevents_dagster_tests.object_server import AUTHORIZATION, ObjectServer, forwarded
from mailevents_dagster_tests.store.destroying import destroy
from mailevents_dagster_tests.store.kept import commit, known, mail

EVENTS = [mail(START), mail(START + 5)]


@pytest.fixture
def kept(bucket: str, tmp_path: Path) -> Store:
    commit(make_store(bucket, scratch=tmp_path), EVENTS)
    return make_store(bucket, scratch=tmp_path)


def kinds_of(store: Store) -> list[str]:
    return [finding.kind for finding in verify_hour(store, INCOMING, NOON).findings]


def file_of(store: Store, what: str) -> StoredPath:
    paths = {"log": store.layout.log, "snapshot": store.layout.snapshot, "manifest": store.layout.manifest}
    return paths[what](INCOMING, NOON)


@pytest.mark.parametrize("what", ["log", "snapshot", "manifest"])
@pytest.mark.parametrize("damage", ["gone", "damaged"])
def test_what_is_gone_or_damaged_is_noticed_and_mended(kept: Store, tmp_path: Path, what: str, damage: str) -> None:
    """As a lifecycle rule deletes, or somebody overwrites."""
    path = file_of(kept, what)
    remove(path) if damage == "gone" else write(path, b"rubbish")
    assert kinds_of(kept) == ["unfinished" if (what, damage) == ("manifest", "gone") else what]
    commit(kept, EVENTS)
    assert kinds_of(kept) == []
    assert [one.time for one in known(kept)] == [START, START + 5]
    aside = kept.layout.set_aside(INCOMING)
    assert [one.name for one in aside] == ([f"{path.name}.damaged"] if damage == "damaged" else [])


def test_a_damaged_cursor_is_set_aside_and_made_anew(kept: Store) -> None:
    path = kept.layout.cursor(INCOMING)
    write(path, b"rubbish")
    commit(kept, [event(START + 3600)], hour=hour_of(1))
    assert kept.cursor(INCOMING).closed == ((START, START + 2 * 3600),)
    assert path.with_name(f"{path.name}.damaged").read_bytes() == b"rubbish"


def test_what_lies_there_is_found_by_its_names(kept: Store) -> None:
    commit(kept, [event(START + 3600)], hour=hour_of(1))
    inventory = Inventory(kept.layout, kept.timezone, START + 10 * 3600)
    assert list(kept.feeds()) == [INCOMING]
    assert inventory.manifests(INCOMING) == inventory.snapshots(INCOMING) == set(inventory.logs(INCOMING))
    assert len(inventory.manifests(INCOMING)) == 2
    assert verify_feed(kept, inventory, INCOMING, 0, START + 10 * 3600) == []
    remove(kept.layout.cursor(INCOMING))
    kept.feed_cursor(INCOMING).rebuild()
    assert kept.cursor(INCOMING).closed == ((START, START + 2 * 3600),)


def test_an_hour_that_was_destroyed_is_not_collected_again(kept: Store, bucket: str, tmp_path: Path) -> None:
    assert destroy(kept, NOON)
    other = make_store(bucket, scratch=tmp_path / "other machine")
    with pytest.raises(DestroyedError):
        commit(other, EVENTS)
    assert not other.cursor(INCOMING).failed
    assert not file_of(other, "snapshot").exists()


def test_a_bucket_with_versions_is_as_any_other(bucket: str, s3: ObjectServer, tmp_path: Path) -> None:
    name = bucket.split("/")[2]
    versions = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    status, *_ = forwarded(s3.moto.port, "PUT", f"/{name}?versioning", {"Authorization": AUTHORIZATION}, versions)
    assert status == 200
    store = make_store(bucket, scratch=tmp_path)
    for events in (EVENTS[:1], EVENTS):
        commit(store, events)
    assert destroy(store, NOON)
    assert not file_of(store, "log").exists()
    assert names_in(store.layout.logs(INCOMING)) == []


@pytest.mark.parametrize("name", ["a b", "100%25", "ü#?&=+.json", "'quoted'~*()", "İstanbul €"])
def test_a_name_with_odd_characters_comes_back(bucket: str, name: str) -> None:
    path = stored_at(bucket) / "folder" / name
    tag = write_if(path, b"one", ABSENT)
    assert read_tagged(path) == (b"one", tag)
    assert path.exists()
    assert names_in(path.parent) == [name]
    assert [found.name for found in path.parent.parent.glob("*/*")] == [name]
    assert path.read_bytes() == b"one"
    path.unlink()
    assert not path.exists()


@pytest.mark.slow
def test_a_listing_goes_on_after_a_thousand_names(bucket: str) -> None:
    folder = stored_at(bucket) / "many"
    with ThreadPoolExecutor(8) as beside:
        list(beside.map(lambda number: write(folder / f"{number:04}", b""), range(1100)))
    assert sorted(names_in(folder)) == [f"{number:04}" for number in range(1100)]
    assert len(list(folder.parent.glob("*/*"))) == 1100


@pytest.mark.slow
def test_cursors_of_many_feeds_are_read_at_once_and_again_only_where_they_changed(
    bucket: str, s3: ObjectServer, tmp_path: Path
) -> None:
    feeds = [Feed(f"d{number}.example", INCOMING.kind) for number in range(40)]
    writer, reader = make_store(bucket, scratch=tmp_path / "one"), make_store(bucket, scratch=tmp_path / "other")
    commit(writer, EVENTS, feed=feeds[0])
    content = read_tagged(writer.layout.cursor(feeds[0]))
    assert content
    for feed in feeds[1:]:
        write(writer.layout.cursor(feed), content[0])
    s3.forget()
    assert set(reader.readable_cursors(feeds)) == set(feeds)
    assert len(s3.requests) == 41
    s3.forget()
    writer.feed_cursor(feeds[7]).change_if_whole(lambda cursor: replace(cursor, looked_back_at=time.time()))
    s3.forget()
    cursors = reader.readable_cursors(feeds)
    assert len(s3.requests) == 2
    assert [feed for feed, cursor in cursors.items() if cursor and cursor.looked_back_at] == [feeds[7]]
