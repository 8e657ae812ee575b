"""Events found in any order are given back by their places, whatever of them is on disk."""

from __future__ import annotations

import gc
import threading
import weakref
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.model.event import Collection, Detail, Event, Placed
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.hour import events as events_module
from mailevents_dagster.store.hour import found_events as found_module
from mailevents_dagster.store.hour import snapshot_file
from mailevents_dagster.store.hour import waiting_events as waiting_module
from mailevents_dagster.store.hour.found_events import FoundEvents
from mailevents_dagster.store.store import NotCollectedError, Store
from mailevents_dagster_tests.conftest import INCOMING, LOG_FILE_NAME, NOON, START, event
from mailevents_dagster_tests.store.kept import assert_agrees_with_itself, known

MAIL = ROW_FORMATS["mail"]


def numbered(count: int) -> list[Event]:
    return [event(START + number % 3600, f"n{number}", text="x" * (number * 7 % 200)) for number in range(count)]


def raws(found: FoundEvents, places: Sequence[int]) -> list[str]:
    texts: list[str] = found.take(np.array(places)).column("raw").to_pylist()
    return texts


@given(
    st.integers(1, 60).flatmap(
        lambda count: st.tuples(st.just(count), st.lists(st.integers(0, count - 1), min_size=1))
    ),
    st.sampled_from([0, 500, 10**9]),
)
@settings(max_examples=60)
def test_records_come_back_by_their_places_whether_they_are_in_memory_or_on_disk(
    tmp_path_factory: pytest.TempPathFactory, asked: tuple[int, list[int]], memory: int
) -> None:
    count, places = asked
    events = numbered(count)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waiting_module, "EVENTS_OF_A_PART", 7)
        found = FoundEvents(MAIL, tmp_path_factory.mktemp("spool"), memory)
        assert [*found.add(events[:9]), *found.add(events[9:])] == list(range(count))
        assert raws(found, places) == [events[place].raw.decode() for place in places]
        assert found.index.times.tolist() == [one.time for one in events]
        found.close()


def test_beyond_the_memory_it_is_allowed_nothing_is_held_and_no_name_is_left(tmp_path: Path) -> None:
    found = FoundEvents(MAIL, tmp_path / "spool", memory=100_000)
    for one in numbered(3 * waiting_module.EVENTS_OF_A_PART):
        found.add([one])
        assert sum(part.bytes_held for part in found._parts) <= 100_000
    assert list((tmp_path / "spool").iterdir()) == []
    found.close()


@pytest.mark.parametrize("on_disk", [True, False])
def test_events_that_were_added_in_their_order_are_not_copied_to_be_taken(tmp_path: Path, on_disk: bool) -> None:
    found = FoundEvents(MAIL, tmp_path, sum(len(one.raw) for one in numbered(1000)) if on_disk else 10**9)
    later = found.add(numbered(1000))
    earlier = found.add(numbered(1000), [True] * 1000)
    for place, one in zip(earlier, numbered(1000)[::-1], strict=True):
        found.put(place, one)
    places = np.array([*earlier, *later])
    portions = [places[portion] for portion in events_module.portions(places)]
    assert [len(portion) for portion in portions] == [1000, 1000]
    assert [part.bytes_held == 0 for part in found._parts] == [on_disk, on_disk]
    before = pa.total_allocated_bytes()
    taken = [found.take(portion) for portion in portions]
    assert pa.total_allocated_bytes() == before
    assert [batch.column("raw")[0].as_py() for batch in taken] == [numbered(1000)[at].raw.decode() for at in (-1, 0)]
    found.close()


@given(st.lists(st.tuples(st.integers(0, 6000), st.integers(1, 1500)), min_size=1, max_size=6))
def test_what_stands_side_by_side_is_taken_by_itself(stretches: list[tuple[int, int]]) -> None:
    places = [first + n for first, long in stretches for n in range(long)]
    portions = list(events_module.portions(np.array(places)))
    assert [at for portion in portions for at in range(portion.start, portion.stop)] == list(range(len(places)))
    assert max(portion.stop - portion.start for portion in portions) <= events_module.EVENTS_AT_ONCE
    for first, end in runs(places):
        if end - first >= events_module.LONG:
            over = [portion for portion in portions if portion.start < end and portion.stop > first]
            assert all(first <= portion.start and portion.stop <= end for portion in over)


def runs(places: Sequence[int]) -> list[tuple[int, int]]:
    """Where places are each the next of the one before."""
    firsts = [0, *(at for at in range(1, len(places)) if places[at] != places[at - 1] + 1)]
    return list(pairwise([*firsts, len(places)]))


def test_threads_may_add_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting_module, "EVENTS_OF_A_PART", 5)
    found = FoundEvents(MAIL, tmp_path, memory=1000)
    events = numbered(400)
    places: dict[int, int] = {}

    def add(numbers: Sequence[int]) -> None:
        for number in numbers:
            (places[number],) = found.add([events[number]])

    threads = [threading.Thread(target=add, args=(range(first, 400, 8),)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(places.values()) == list(range(400))
    assert raws(found, [places[number] for number in range(400)]) == [one.raw.decode() for one in events]
    found.close()


@pytest.mark.slow
@pytest.mark.parametrize("memory", [0, 10**9])
def test_an_hour_is_committed_in_its_order_however_it_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    monkeypatch.setattr(waiting_module, "EVENTS_OF_A_PART", 10)
    store = Store(str(tmp_path), "UTC", LOG_FILE_NAME, {"mail": MAIL}, tmp_path, memory=memory)
    events = sorted(numbered(3000), key=lambda one: one.time)
    first, second = events[::2], sorted([*events[1::2], *events[:100:2]], key=lambda one: one.time)
    for found, backwards in ((first, True), (second, False)):
        with store.open_hour(INCOMING, NOON) as work:
            added = [*work.add(found[::-1] if backwards else found)]
            places = np.array(added[::-1] if backwards else added)
            times = np.array([one.time for one in found])
            work.commit(Collection(Placed(places, times), frozenset(), (), START + 7200.0, True, {}))
    assert sorted(one.raw for one in assert_agrees_with_itself(store)) == sorted(one.raw for one in events)


def test_a_snapshot_that_was_written_with_other_columns_is_taken_over(store: Store) -> None:
    fewer = replace(MAIL, columns=MAIL.columns[:3], arrays=None, read=lambda raws: MAIL.read(raws)[:3])
    before = Store(str(store.layout.root), "UTC", LOG_FILE_NAME, {"mail": fewer}, store.layout.scratch)
    events = numbered(20)
    for one, found in ((before, events[:10]), (store, events)):
        with one.open_hour(INCOMING, NOON) as work:
            work.commit(Collection(found, frozenset(), (), START + 7200.0, True, {}))
    assert known(store) == events
    table = store.dataset(INCOMING, [NOON]).to_table(columns=["subject", "recipient_count"])
    assert table["subject"].to_pylist() == ["x" * (number * 7 % 200) for number in range(20)]


def test_columns_of_an_hour_are_read_as_a_dataset_reads_them_whatever_wrote_it(store: Store) -> None:
    fewer = replace(MAIL, columns=MAIL.columns[:3], arrays=None, read=lambda raws: MAIL.read(raws)[:3])
    before = Store(str(store.layout.root), "UTC", LOG_FILE_NAME, {"mail": fewer}, store.layout.scratch)
    with before.open_hour(INCOMING, NOON) as work:
        work.commit(Collection(numbered(20), frozenset(), (), START + 7200.0, True, {}))
    names = ["subject", "recipient_count", "event_time", "identity"]
    assert store.table(INCOMING, NOON, names) == store.dataset(INCOMING, [NOON]).to_table(columns=names)
    assert store.table(INCOMING, NOON, ["subject", "recipient_count"])["recipient_count"].null_count == 20
    with pytest.raises(NotCollectedError, match="not collected yet"):
        store.table(INCOMING, NOON.next, names)


def test_records_are_brought_into_order_a_few_at_a_time(store: Store) -> None:
    long = sorted((event(START + n % 3600, f"n{n}", text="x" * 300) for n in range(6000)), key=lambda one: one.time)
    with store.open_hour(INCOMING, NOON) as work:
        work.commit(Collection(long, frozenset(), (), START + 7200.0, True, {}))
    with store.open_hour(INCOMING, NOON) as work:
        work.add([event(START)])
        batches = work.events.batches(work.events.known_index, np.arange(6000))
        sizes = [batch.num_rows for batch in batches]
    assert sizes == [events_module.EVENTS_AT_ONCE, 6000 - events_module.EVENTS_AT_ONCE]


@pytest.mark.slow
def test_of_long_records_few_are_handled_together_whether_known_or_found(store: Store) -> None:
    most, length = found_module.BYTES_AT_ONCE, 100_000
    long = [event(START + n % 3600, f"n{n}", text=f"{n:06}" * (length // 6)) for n in range(120)]
    hour = Collection(sorted(long[:60], key=lambda one: one.time), frozenset(), (), START + 7200.0, True, {})
    with store.open_hour(INCOMING, NOON) as work:
        work.commit(hour)
    with store.open_hour(INCOMING, NOON) as work:
        work.add(long[60:])
        places = np.array([n // 2 + 60 * (n % 2) for n in range(120)])
        batches = list(work.events.batches(work.events.index(places), places))
        assert max(len(part.places) for part in work.events._found._parts) <= most // length + 1
        assert [raw for batch in batches for raw in batch.column("raw").to_pylist()] == [
            long[place].raw.decode() for place in places
        ]
        assert max(pc.sum(pc.binary_length(batch.column("raw"))).as_py() for batch in batches) <= most + 2 * length
        assert len(batches) > 120 * length // most


@pytest.mark.slow
def test_row_groups_of_long_records_are_bounded_by_their_bytes(store: Store) -> None:
    long = [event(START + n, f"n{n}", text=f"{n:06}" * 16_000) for n in range(200)]
    with store.open_hour(INCOMING, NOON) as work:
        done = work.commit(Collection(long, frozenset(), (), START + 7200.0, True, {}))
    metadata = pq.ParquetFile(str(done.snapshot)).metadata
    sizes = [metadata.row_group(at).column(metadata.num_columns - 1) for at in range(metadata.num_row_groups)]
    assert max(size.total_uncompressed_size for size in sizes) <= snapshot_file.BYTES_AT_ONCE * 1.01
    assert known(store) == long


def test_what_an_hour_held_is_let_go_of_at_once(store: Store) -> None:
    """Python looks for objects that hold each other only now and then: meanwhile a backlog would keep all its hours."""
    gc.disable()
    try:
        for found in (numbered(20), numbered(30)):
            with store.open_hour(INCOMING, NOON) as work:
                _ = work.owed, work.places([(bytes(16), bytes(16))], [Detail.WHOLE])
                work.commit(Collection(found, frozenset(), (), START + 7200.0, True, {}))
                held = weakref.ref(work.events)
            del work
            assert held() is None
    finally:
        gc.enable()
