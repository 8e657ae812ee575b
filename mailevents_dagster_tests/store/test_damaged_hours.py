"""Hours whose files were damaged: the next collection finds every event where it is whole, and asks for none again."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.event import Detail
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.hour import snapshot_file
from mailevents_dagster.store.hour.found_events import FoundEvents
from mailevents_dagster.store.hour.hour_files import HourFiles
from mailevents_dagster.store.hour.known_events import known_events
from mailevents_dagster.store.hour.snapshot_columns import EVENTS_SCHEMA, snapshot_batch
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, NOON, collection, make_store
from mailevents_dagster_tests.store.damaging import (
    MAILS,
    Damaged,
    Harm,
    batch_of,
    cut,
    detailed,
    flipped,
    undetailed,
    zeros,
)
from mailevents_dagster_tests.store.kept import (
    LOG,
    MANIFEST,
    SNAPSHOT,
    assert_agrees_with_itself,
    commit,
    root,
)
from mailevents_dagster_tests.store.verifying import manifest_of

ROWS = ROW_FORMATS["mail"]


@pytest.fixture
def hour(store: Store) -> Damaged:
    return Damaged.commit(store, MAILS)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Damaged:
    """An hour of several row groups. Nobody harms it: each test has a copy."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(snapshot_file, "ROWS_AT_ONCE", 16)
        events = [detailed(number * 50, number=number % 3) for number in range(60)]
        return Damaged.commit(make_store(tmp_path_factory.mktemp("committed")), events)


@pytest.fixture
def long_hour(committed: Damaged, store: Store, monkeypatch: pytest.MonkeyPatch) -> Damaged:
    monkeypatch.setattr(snapshot_file, "ROWS_AT_ONCE", 16)
    shutil.copytree(root(committed.store), root(store))
    return replace(committed, store=store)


def known_of(hour: Damaged, before: Manifest | None) -> pa.RecordBatch:
    """What is known of an hour, as a snapshot would hold it."""
    files, empty = HourFiles(hour.store.layout, INCOMING, NOON), FoundEvents(ROWS, root(hour.store), 2**24)
    records = known_events(files, before, empty, [].append)
    index = records.index
    batch = snapshot_batch(index, records.take(np.arange(len(index))), ROWS)
    records.close()
    empty.close()
    for aside in Path(str(files.snapshot.parent)).glob("*.damaged*"):
        aside.unlink()
    return batch


@pytest.mark.slow
def test_whatever_bit_of_a_snapshot_is_flipped_all_of_the_hour_is_known_as_it_was(hour: Damaged) -> None:
    before, expected = manifest_of(hour.store), batch_of(MAILS)
    for place in places(hour.content[SNAPSHOT]):
        hour.harm(SNAPSHOT, flipped(place, place % 8))
        assert known_of(hour, before).equals(expected), f"bit {place % 8} of byte {place}"


@pytest.mark.slow
def test_without_its_manifest_a_snapshot_with_a_flipped_bit_is_proven_by_itself_or_by_the_log(hour: Damaged) -> None:
    expected = batch_of(MAILS)
    footer = len(hour.content[SNAPSHOT]) - pq.read_metadata(root(hour.store) / SNAPSHOT).serialized_size
    for place in [place for place in places(hour.content[SNAPSHOT])[::3] if place < footer - 8]:
        hour.harm(SNAPSHOT, flipped(place, place % 8))
        assert known_of(hour, None).equals(expected), f"bit {place % 8} of byte {place}"


def places(snapshot: bytes) -> list[int]:
    """A sixth of the bytes that are read back of a snapshot, and a few of the others."""
    group = pq.ParquetFile(pa.BufferReader(snapshot)).metadata.row_group(0)
    columns = [group.column(number) for number in range(group.num_columns)]
    read = [column for column in columns if column.path_in_schema in EVENTS_SCHEMA.names]
    starts = [(column.dictionary_page_offset or column.data_page_offset, column) for column in read]
    found = {place for first, column in starts for place in range(first, first + column.total_compressed_size)}
    return sorted(found.union(range(0, len(snapshot), 16)))[::6]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("names", [[SNAPSHOT], [LOG], [MANIFEST], [SNAPSHOT, LOG], [SNAPSHOT, LOG, MANIFEST]])
def test_after_flipped_bits_the_next_collection_makes_the_hour_whole(
    long_hour: Damaged, names: Sequence[str], seed: int
) -> None:
    chance = random.Random(f"{seed} {names}")
    for _ in range(5):
        for name in names:
            long_hour.harm(name, flipped(chance.randrange(2**30), chance.randrange(8)))
        long_hour.collect()
        long_hour.assert_whole(or_doubtful={SNAPSHOT, LOG} <= {*names})
        long_hour.restore()


@pytest.mark.parametrize("harm", [cut(0), cut(0.3), cut(0.9), zeros, lambda content: content + b"x"])
@pytest.mark.parametrize("names", [[SNAPSHOT], [LOG], [MANIFEST], [SNAPSHOT, LOG], [SNAPSHOT, LOG, MANIFEST]])
def test_after_larger_damage_the_next_collection_makes_the_hour_whole(
    long_hour: Damaged, names: Sequence[str], harm: Harm
) -> None:
    for name in names:
        long_hour.harm(name, harm)
    long_hour.collect()
    long_hour.assert_whole()


@pytest.mark.parametrize("seed", range(40))
def test_of_a_snapshot_with_a_flipped_bit_no_detail_is_asked_for_again(long_hour: Damaged, seed: int) -> None:
    chance = random.Random(seed)
    long_hour.harm(SNAPSHOT, flipped(chance.randrange(2**30), chance.randrange(8)))
    assert long_hour.wanted_again() == 0


@pytest.mark.parametrize("harm", [zeros, cut(0.5), cut(0)])
def test_of_a_snapshot_of_which_nothing_is_left_no_detail_is_asked_for_again(long_hour: Damaged, harm: Harm) -> None:
    long_hour.harm(SNAPSHOT, harm)
    assert long_hour.wanted_again() == 0


def test_a_mail_whose_row_changed_is_asked_for_again_after_its_snapshot_was_lost(hour: Damaged) -> None:
    hour.harm(SNAPSHOT, zeros)
    changed = detailed(90, "another")
    assert changed.identity == MAILS[3].identity
    with hour.store.open_hour(INCOMING, NOON) as work:
        assert work.places([(changed.identity, changed.listing)], {Detail.WHOLE}) == [None]
    hour.collect([*MAILS[:3], changed, MAILS[4]])
    hour.assert_whole([*MAILS[:3], changed, MAILS[4]])


@pytest.mark.slow
def test_what_is_known_of_details_survives_damage_of_the_records(store: Store) -> None:
    states = (Detail.MISSING, Detail.PURGED, Detail.UNASKED)
    events = [*MAILS, *(undetailed(100 + number, state) for number, state in enumerate(states))]
    events.sort(key=lambda one: one.time)
    hour = Damaged.commit(store, events)
    group = pq.ParquetFile(root(store) / SNAPSHOT).metadata.row_group(0)
    [raw] = [group.column(at) for at in range(group.num_columns) if group.column(at).path_in_schema == "raw"]
    for place in range(0, raw.total_compressed_size, 5):
        hour.harm(SNAPSHOT, flipped(raw.data_page_offset + place, 3))
        assert known_of(hour, manifest_of(store)).equals(batch_of(events))


def test_a_mail_without_its_detail_is_owed_after_its_snapshot_was_lost(store: Store) -> None:
    lacking = undetailed(7, Detail.MISSING)
    hour = Damaged.commit(store, [MAILS[0], lacking])
    hour.harm(SNAPSHOT, zeros)
    assert hour.wanted_again() == 1
    hour.collect([])
    assert manifest_of(store).details_owed == 1


def test_typed_columns_that_are_wrong_are_made_anew_though_every_record_is_whole(hour: Damaged) -> None:
    path = root(hour.store) / SNAPSHOT
    table, written = pq.read_table(path, partitioning=None), pq.read_metadata(path).metadata
    place = table.schema.get_field_index("size")
    with pq.ParquetWriter(path, table.schema) as writer:
        writer.write_table(table.set_column(place, table.schema.field(place), [pa.array([1, 2, 3, 4, 5])]))
        writer.add_key_value_metadata({snapshot_file.CONTENT: written[snapshot_file.CONTENT]})

    hour.collect()

    hour.assert_whole()


def test_an_older_snapshot_from_a_backup_takes_no_event_from_the_hour(hour: Damaged) -> None:
    later = [*MAILS, detailed(3599, number=1)]
    commit(hour.store, later)
    (root(hour.store) / SNAPSHOT).write_bytes(hour.content[SNAPSHOT])

    [note] = hour.collect([])

    assert "older than its manifest" in note
    hour.assert_whole(later)


def test_a_commit_killed_before_its_manifest_is_known_by_its_snapshot(hour: Damaged) -> None:
    later = [*MAILS, detailed(3599, number=1)]
    commit(hour.store, later)
    (root(hour.store) / MANIFEST).write_bytes(hour.content[MANIFEST])
    (root(hour.store) / LOG).write_bytes(hour.content[LOG])

    assert hour.wanted_again() == 0
    assert hour.collect([]) == []
    hour.assert_whole(later)


@pytest.mark.slow
@pytest.mark.parametrize("place", range(0, 4000, 97))
def test_events_that_the_source_forgot_are_kept_once_where_log_and_snapshot_are_harmed_in_other_places(
    long_hour: Damaged, place: int
) -> None:
    chance = random.Random(place)
    long_hour.harm(SNAPSHOT, flipped(chance.randrange(2**30), chance.randrange(8)))
    long_hour.harm(LOG, flipped(chance.randrange(2**30), chance.randrange(8)))
    long_hour.collect([])
    events = assert_agrees_with_itself(long_hour.store)
    assert {one.identity for one in events} <= {one.identity for one in long_hour.events}
    assert len(events) == len({one.identity for one in events})
    assert len(events) >= len(long_hour.events) - 2


def test_damage_that_is_met_while_records_are_read_is_named_and_mended_by_the_next_collection(
    long_hour: Damaged,
) -> None:
    with long_hour.store.open_hour(INCOMING, NOON) as work:
        assert len(work.known.index) == len(long_hour.events)
        whole = long_hour.content[SNAPSHOT]
        with (root(long_hour.store) / SNAPSHOT).open("r+b") as file:
            file.write(bytes(len(whole) - 30_000 if len(whole) > 40_000 else len(whole) // 2))
        with pytest.raises(DamagedError, match=r"12\.parquet"):
            work.commit(collection([detailed(3)]))
    long_hour.collect([])
    long_hour.assert_whole()


def test_the_note_names_what_was_set_aside_and_where_the_events_come_from(hour: Damaged) -> None:
    hour.harm(SNAPSHOT, zeros)
    [note] = hour.collect()
    assert str(root(hour.store) / SNAPSHOT) + ".damaged" in note
    assert f"5 events were taken from {root(hour.store) / LOG}" in note
