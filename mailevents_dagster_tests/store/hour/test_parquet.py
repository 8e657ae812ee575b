"""Snapshots hold their events whole, and readers get them typed, lazily and in order."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.store.hour import snapshot_file
from mailevents_dagster.store.hour.snapshot_columns import all_columns, snapshot_schema
from mailevents_dagster.store.hour.snapshot_file import read_events
from mailevents_dagster_tests.conftest import START, digest, event
from mailevents_dagster_tests.store.kept import write_events

MAIL = ROW_FORMATS["mail"]
odd_texts = st.text() | st.sampled_from(["\ud800", "İı", "\u2028", "\x00"])
odd_values = st.none() | st.booleans() | st.integers(-(2**80), 2**80) | st.floats(allow_nan=False) | odd_texts
odd_records = st.dictionaries(
    st.sampled_from(["queue_id", "subject", "size", "recipients", "time", "new"]),
    st.recursive(odd_values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(odd_texts, inner, max_size=3)),
)
odd_events = st.builds(
    Event,
    time=st.integers(0, 253_402_300_799),
    identity=st.binary(min_size=16, max_size=16),
    listing=st.binary(min_size=16, max_size=16),
    detail=st.sampled_from(list(Detail)),
    raw=odd_records.filter(lambda record: "inf" not in repr(record).lower()).map(one_line),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "12.parquet"


@pytest.mark.slow
@given(st.lists(odd_events, max_size=6), st.sampled_from(["mail", "quarantine", "authentication"]))
@settings(max_examples=80)
def test_events_are_read_as_they_were_written_whatever_their_records_say(
    tmp_path_factory: pytest.TempPathFactory, events: list[Event], category: str
) -> None:
    path = tmp_path_factory.mktemp("parquet") / "12.parquet"
    write_events(path, events, ROW_FORMATS[category])  # type: ignore[index]
    assert read_events(path) == events


def test_size_and_digest_are_those_of_the_file(path: Path) -> None:
    size, sha256 = write_events(path, [event(START + second) for second in range(10)])
    content = path.read_bytes()
    assert (size, sha256) == (len(content), hashlib.sha256(content).hexdigest())


def test_the_same_events_give_the_same_bytes(path: Path) -> None:
    events = [event(START + second) for second in range(10)]
    first, second = (write_events(path, events) for _ in range(2))
    assert first == second


def test_an_hour_without_events_has_a_snapshot_with_columns_and_no_rows(path: Path) -> None:
    write_events(path, [])
    table = pq.read_table(str(path))
    assert (table.num_rows, table.schema.names) == (0, [column.name for column in all_columns(MAIL)])
    assert read_events(path) == []


def test_a_snapshot_that_is_not_there_has_no_events(path: Path) -> None:
    assert read_events(path) == []


def test_columns_are_typed_and_described(path: Path) -> None:
    raw = one_line({"queue_id": "Q1", "size": "123", "subject": "ş", "recipients": [{"mailto": "a@x", "time": START}]})
    write_events(path, [replace(event(START), raw=raw)])
    table = pq.read_table(str(path))
    assert table.schema.equals(snapshot_schema(MAIL))
    assert all(field.metadata[b"description"] for field in table.schema)
    row = table.to_pylist()[0]
    assert (row["queue_id"], row["size"], row["subject"], row["recipient_count"]) == ("Q1", 123, "ş", 1)
    assert int(row["event_time"].timestamp()) == int(row["recipients"][0]["time"].timestamp()) == START
    assert json.loads(row["raw"])["size"] == "123"
    assert row["detail"] == "whole"


def test_big_hours_are_written_in_row_groups_that_lose_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot_file, "ROWS_AT_ONCE", 7)
    monkeypatch.setattr(snapshot_file, "BYTES_AT_ONCE", 1000)
    events = [event(START + number, text="x" * (number * 31 % 1500)) for number in range(60)]
    write_events(path, events)
    assert read_events(path) == events
    metadata = pq.ParquetFile(str(path)).metadata
    assert metadata.num_row_groups > 60 // 7
    assert max(metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)) <= 7


@pytest.mark.parametrize("content", [b"", b"PAR1", b"rubbish" * 100])
def test_a_damaged_snapshot_is_named_and_not_taken_for_an_empty_one(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    with pytest.raises(DamagedError, match=r"12\.parquet"):
        read_events(path)


def test_a_cut_snapshot_is_damaged(path: Path) -> None:
    write_events(path, [event(START)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DamagedError):
        read_events(path)


def test_a_parquet_file_of_somebody_else_is_damaged(path: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), str(path))
    with pytest.raises(DamagedError):
        read_events(path)


def test_digests_are_told_apart_by_readers(path: Path) -> None:
    write_events(path, [event(START, "a"), event(START, "b")])
    table = pq.read_table(str(path), columns=["identity"])
    assert table["identity"].to_pylist() == [digest("a"), digest("b")]
    assert pc.count_distinct(table["identity"].cast(pa.binary())).as_py() == 2
