"""Events gathered in any order are given back by their places, whatever of them is on disk."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.events import Collection, Event, Kept
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store import gathered as gathered_module
from mailevents_dagster.store import kept as kept_module
from mailevents_dagster.store.gathered import Gathered
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import INCOMING, LOG_FILE_NAME, NOON, START, event
from mailevents_dagster_tests.store.kept import assert_agrees_with_itself, known

MAIL = ROW_FORMATS["mail"]


def numbered(count: int) -> list[Event]:
    return [event(START + number % 3600, f"n{number}", text="x" * (number * 7 % 200)) for number in range(count)]


def raws(gathered: Gathered, places: Sequence[int]) -> list[str]:
    texts: list[str] = gathered.take(np.array(places)).column("raw").to_pylist()
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
        patch.setattr(gathered_module, "EVENTS_OF_A_PART", 7)
        gathered = Gathered(MAIL, tmp_path_factory.mktemp("spool"), memory)
        assert [gathered.add(one) for one in events] == list(range(count))
        assert raws(gathered, places) == [events[place].raw.decode() for place in places]
        assert gathered.index.times.tolist() == [one.time for one in events]
        gathered.close()


def test_beyond_the_memory_it_is_allowed_nothing_is_held_and_no_name_is_left(tmp_path: Path) -> None:
    gathered = Gathered(MAIL, tmp_path / "spool", memory=100_000)
    for one in numbered(3 * gathered_module.EVENTS_OF_A_PART):
        gathered.add(one)
        assert sum(part.bytes_held for part in gathered._parts) <= 100_000
    assert list((tmp_path / "spool").iterdir()) == []
    gathered.close()


def test_threads_may_gather_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gathered_module, "EVENTS_OF_A_PART", 5)
    gathered = Gathered(MAIL, tmp_path, memory=1000)
    events = numbered(400)
    places: dict[int, int] = {}

    def add(numbers: Sequence[int]) -> None:
        for number in numbers:
            places[number] = gathered.add(events[number])

    threads = [threading.Thread(target=add, args=(range(first, 400, 8),)) for first in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(places.values()) == list(range(400))
    assert raws(gathered, [places[number] for number in range(400)]) == [one.raw.decode() for one in events]
    gathered.close()


@pytest.mark.parametrize("memory", [0, 10**9])
def test_an_hour_is_committed_in_its_order_however_it_was_gathered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int
) -> None:
    monkeypatch.setattr(gathered_module, "EVENTS_OF_A_PART", 10)
    store = Store(str(tmp_path), "UTC", LOG_FILE_NAME, {"mail": MAIL}, tmp_path, memory)
    events = sorted(numbered(3000), key=lambda one: one.time)
    first, second = events[::2], sorted([*events[1::2], *events[:100:2]], key=lambda one: one.time)
    for found, backwards in ((first, True), (second, False)):
        with store.open_hour(INCOMING, NOON) as work:
            sources = [work.gather(one) for one in (found[::-1] if backwards else found)]
            places = np.array(sources[::-1] if backwards else sources)
            times = np.array([one.time for one in found])
            work.commit(Collection(Kept(places, times), frozenset(), (), START + 7200.0, True, {}))
    assert sorted(one.raw for one in assert_agrees_with_itself(store)) == sorted(one.raw for one in events)


def test_a_snapshot_that_was_written_with_other_columns_is_taken_over(store: Store) -> None:
    fewer = replace(MAIL, columns=MAIL.columns[:3], arrays=lambda records: MAIL.arrays(records)[:3])
    before = Store(str(store.layout.root), "UTC", LOG_FILE_NAME, {"mail": fewer}, store.layout.scratch)
    events = numbered(20)
    for one, found in ((before, events[:10]), (store, events)):
        with one.open_hour(INCOMING, NOON) as work:
            work.commit(Collection(found, frozenset(), (), START + 7200.0, True, {}))
    assert known(store) == events
    table = store.dataset(INCOMING, [NOON]).to_table(columns=["subject", "recipient_count"])
    assert table["subject"].to_pylist() == ["x" * (number * 7 % 200) for number in range(20)]


def test_records_are_brought_into_order_a_few_at_a_time(store: Store) -> None:
    long = sorted((event(START + n % 3600, f"n{n}", text="x" * 300) for n in range(2000)), key=lambda one: one.time)
    with store.open_hour(INCOMING, NOON) as work:
        work.commit(Collection(long, frozenset(), (), START + 7200.0, True, {}))
    with store.open_hour(INCOMING, NOON) as work:
        work.gather(event(START))
        kept = work.kept
        sizes = [batch.num_rows for batch in kept.batches(kept.known.index, np.arange(2000))]
    assert sizes == [kept_module.EVENTS_AT_ONCE, 2000 - kept_module.EVENTS_AT_ONCE]
