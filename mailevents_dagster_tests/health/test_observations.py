"""What checks read of an hour is described by its source, whichever it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from mailevents_dagster.health.observations import look, outcomes
from mailevents_dagster.model.columns import Column, Fields, RowFormat
from mailevents_dagster.model.event import Detail, Event
from mailevents_dagster.model.feed import Feed, FeedKind
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.conftest import LOG_FILE_NAME, NOON, collection, digest

COLUMNS = (Column("number", pa.string(), "Its number."), Column("end", pa.string(), "What became of it."))


def read(raws: pa.StringArray) -> list[pa.Array]:
    records = [json.loads(raw) for raw in raws.to_pylist()]
    return [pa.array([one.get(field) for one in records], pa.string()) for field in ("no", "end")]


def event_of(raw: bytes, time: int) -> Event:
    return Event(time, digest(str(json.loads(raw)["no"])), digest(raw.decode()), Detail.WHOLE, raw)


def compare(raws: Sequence[bytes]) -> Fields:
    return Fields(new=frozenset({f"{len(raws)}_records"}))


TICKETS = RowFormat(
    COLUMNS,
    read,
    event_of,
    lambda _: None,
    compare=compare,
    fields={"number": "no", "end": "end"},
    id_column="number",
    outcome_column="end",
)
FEED = Feed("desk", FeedKind("helpdesk", "tickets", "tickets", "tickets", "Tickets.", lambda: TICKETS, ("tickets",)))


def kept(folder: Path, *records: Mapping[str, str]) -> Store:
    """A store with an hour of these records, a second apart."""
    store = Store(str(folder), "UTC", LOG_FILE_NAME, {FEED.name: FEED.kind}, scratch=folder)
    events = [event_of(json.dumps(one).encode(), NOON.start + second) for second, one in enumerate(records)]
    with store.open_hour(FEED, NOON) as work:
        work.commit(collection(events))
    return store


def test_outcomes_and_repeated_events_are_found_by_the_columns_that_the_source_names(tmp_path: Path) -> None:
    store = kept(tmp_path, {"no": "1", "end": "solved"}, {"no": "1", "end": "solved"}, {"no": "2", "end": "open"})

    seen = look(store, FEED, NOON)

    assert (seen.repeated, seen.sampled, seen.fields.new) == (1, 3, {"3_records"})
    assert outcomes(store.layout.snapshot(FEED, NOON), TICKETS) == {"solved": 2, "open": 1}


def test_a_field_is_missed_under_the_name_that_the_source_gives_it(tmp_path: Path) -> None:
    store = kept(tmp_path, *({"no": str(number), "end": "open"} for number in range(30)))
    events = [event_of(b'{"no": null, "end": "open", "n": %d}' % n, NOON.end + n) for n in range(30)]
    with store.open_hour(FEED, NOON.next) as work:
        work.commit(collection(events))

    assert look(store, FEED, NOON.next).lost == {"no"}


def test_of_a_source_that_names_no_such_columns_nothing_is_said(tmp_path: Path) -> None:
    store = kept(tmp_path, {"no": "1", "end": "solved"}, {"no": "1", "end": "solved"})
    plain = RowFormat(COLUMNS, read, event_of, lambda _: None)
    kind = FeedKind("helpdesk", "tickets", "tickets", "tickets", "Tickets.", lambda: plain, ("tickets",))

    seen = look(store, Feed("desk", kind), NOON)

    assert (seen.repeated, seen.fields, seen.lost) == (0, Fields(), frozenset())
    assert outcomes(store.layout.snapshot(FEED, NOON), plain) == {}
