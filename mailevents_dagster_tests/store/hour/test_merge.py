"""What was committed stays; what is new or better comes in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.model.columns import Marks
from mailevents_dagster.model.event import Detail, Event, Places
from mailevents_dagster.store.hour.index import STATES, index_of
from mailevents_dagster.store.hour.merge import merge as merge_indexes
from mailevents_dagster_tests.conftest import digest, event


@dataclass(frozen=True)
class Union:
    """What merging came to, as events."""

    events: list[Event]
    added: int
    changed: int
    unseen: int


def merge(
    known: list[Event],
    found: list[Event],
    places: list[int] | None = None,
    marks_of: Callable[[bytes], Marks | None] = lambda _: None,
) -> Union:
    both = [*known, *found]

    def marks_at(of: Places) -> list[Marks | None]:
        return [marks_of(both[place].raw) for place in of.tolist()]

    placed = np.array(places or np.arange(len(known), len(both)), np.int64)
    merged = merge_indexes(index_of(known), index_of(found), placed, marks_at)
    index = merged.index
    records = [both[place].raw for place in merged.places]
    digests = ([row.tobytes() for row in rows] for rows in (index.identities, index.listings))
    states = [STATES[code] for code in index.details]
    events = [Event(*one) for one in zip(index.times.tolist(), *digests, states, records, strict=True)]
    return Union(events, merged.added, merged.changed, merged.unseen)


details = st.sampled_from(list(Detail))
names = st.tuples(st.integers(0, 5), st.sampled_from("abcd"), st.sampled_from(["", "changed"]))


@st.composite
def collections(draw: st.DrawFn) -> list[Event]:
    """What one collection finds: rows with equal ids and equal rows among them; equal rows have the same detail."""
    found = sorted(draw(st.lists(names, max_size=8)), key=lambda one: one[0])
    of_versions = {version: draw(details) for version in dict.fromkeys(found)}
    # A mail is known by its queue id and time, so the same identity never has two times.
    return [
        replace(event(time, name, text, of_versions[time, name, text]), identity=digest(f"{name} {time}"))
        for time, name, text in found
    ]


@given(st.lists(collections(), max_size=5))
@settings(max_examples=100)
def test_nothing_committed_is_ever_lost_and_events_stay_in_order(rounds: list[list[Event]]) -> None:
    known: list[Event] = []
    for found in rounds:
        merged = merge(known, found)
        now = list(merged.events)
        before, after = (Counter(one.identity for one in side) for side in (known, now))
        assert after == before | Counter(one.identity for one in found)
        assert [one.time for one in now] == sorted(one.time for one in now)
        assert merged.added == len(now) - len(known)
        assert merged.unseen == sum((before - Counter(one.identity for one in found)).values())
        known = now


@given(st.lists(collections(), max_size=4))
@settings(max_examples=100)
def test_a_detail_once_had_is_never_given_up_for_a_bare_row(rounds: list[list[Event]]) -> None:
    known: list[Event] = []
    for found in rounds:
        had = Counter(one.identity for one in known if one.detail in (Detail.WHOLE, Detail.STALE))
        known = list(merge(known, found).events)
        assert not had - Counter(one.identity for one in known if one.detail in (Detail.WHOLE, Detail.STALE))


@given(collections(), collections())
@settings(max_examples=200)
def test_it_is_all_one_whether_what_is_known_was_found_again(known: list[Event], found: list[Event]) -> None:
    known = list(merge([], known).events)
    first: dict[object, int] = {}
    for place, one in enumerate(known):
        first.setdefault((one.identity, one.listing), place)
    there = [first.get((one.identity, one.listing)) for one in found]
    taken = [one if place is None else known[place] for one, place in zip(found, there, strict=True)]
    places = [len(known) + number if place is None else place for number, place in enumerate(there)]

    assert merge(known, taken, places) == merge(known, taken)


@given(collections(), collections())
@settings(max_examples=100)
def test_the_same_collection_again_changes_nothing(known: list[Event], found: list[Event]) -> None:
    once = merge(known, found)
    again = merge(once.events, found)
    assert list(again.events) == list(once.events)
    assert (again.added, again.changed) == (0, 0)


@given(collections(), collections())
@settings(max_examples=60)
def test_known_events_keep_their_order(known: list[Event], found: list[Event]) -> None:
    known = list(merge([], known).events)
    places = {id_: place for place, id_ in enumerate(one.identity for one in merge(known, found).events)}
    unique = [one.identity for one in known if Counter(k.identity for k in known)[one.identity] == 1]
    unique = [one for one in unique if Counter(f.identity for f in found)[one] <= 1]
    assert [places[one] for one in unique] == sorted(places[one] for one in unique)


def test_a_new_event_stands_after_the_known_ones_of_its_second() -> None:
    merged = merge([event(1, "a"), event(2, "b")], [event(1, "new"), event(1, "a"), event(2, "b")])
    assert [one.identity for one in merged.events] == [digest("a"), digest("new"), digest("b")]


def test_a_changed_event_takes_the_place_of_its_earlier_version() -> None:
    merged = merge([event(1, "a"), event(1, "b")], [event(1, "a", "changed"), event(1, "b")])
    assert merged.events == [event(1, "a", "changed"), event(1, "b")]
    assert (merged.added, merged.changed, merged.unseen) == (0, 1, 0)


def test_equal_events_are_as_many_as_were_ever_seen_at_once() -> None:
    known = list(merge([], [event(1, "a")] * 2).events)
    assert merge(known, [event(1, "a")] * 3).events == [event(1, "a")] * 3
    assert merge(known, [event(1, "a")]).events == [event(1, "a")] * 2


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
def test_two_records_known_alike_stay_two_whichever_of_them_is_listed_again(order: tuple[str, str]) -> None:
    both = [event(1, "a", text) for text in order]
    for listed in (both[:1], both[1:], both[::-1], both):
        merged = merge(both, listed)
        assert Counter(merged.events) == Counter(both)
        assert merged.changed == 0


@pytest.mark.parametrize(
    ("before", "text", "found", "after", "kept_text"),
    [
        (Detail.WHOLE, "", Detail.MISSING, Detail.WHOLE, ""),
        (Detail.WHOLE, "", Detail.UNASKED, Detail.WHOLE, ""),
        (Detail.WHOLE, "new", Detail.WHOLE, Detail.WHOLE, "new"),
        (Detail.WHOLE, "new", Detail.MISSING, Detail.STALE, ""),
        (Detail.WHOLE, "new", Detail.UNASKED, Detail.WHOLE, ""),
        (Detail.STALE, "new", Detail.MISSING, Detail.STALE, ""),
        (Detail.STALE, "new", Detail.WHOLE, Detail.WHOLE, "new"),
        (Detail.STALE, "new", Detail.UNASKED, Detail.STALE, ""),
        (Detail.MISSING, "", Detail.WHOLE, Detail.WHOLE, ""),
        (Detail.MISSING, "new", Detail.MISSING, Detail.MISSING, "new"),
        (Detail.MISSING, "", Detail.PURGED, Detail.PURGED, ""),
        (Detail.UNASKED, "", Detail.WHOLE, Detail.WHOLE, ""),
        (Detail.UNASKED, "", Detail.MISSING, Detail.MISSING, ""),
        (Detail.PURGED, "", Detail.PURGED, Detail.PURGED, ""),
    ],
)
def test_the_better_of_two_versions_stays(
    before: Detail, text: str, found: Detail, after: Detail, kept_text: str
) -> None:
    (merged,) = merge([event(1, "a", "", before)], [event(1, "a", text, found)]).events
    assert merged.detail is after
    assert merged.raw == event(1, "a", kept_text).raw


def test_an_earlier_detail_stands_for_good_where_the_new_one_is_gone() -> None:
    (merged,) = merge([event(1, "a", "old")], [event(1, "a", "new", Detail.PURGED)]).events
    assert (merged.detail, merged.raw) == (Detail.WHOLE, event(1, "a", "old").raw)
    assert merged.listing == event(1, "a", "new").listing
