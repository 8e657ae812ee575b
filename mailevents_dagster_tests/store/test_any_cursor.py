"""Whatever a cursor holds: it is read as it was written, and says what the manifests say."""

from __future__ import annotations

from itertools import pairwise

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from mailevents_dagster.model.hour import SECONDS
from mailevents_dagster.store.cursor_file import read_cursor, write_cursor
from mailevents_dagster.store.cursors import (
    Cursor,
    Failure,
    Span,
    cursor_of,
    gaps,
    merged,
)
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster_tests.collecting.planned import hour_of, manifest_of
from mailevents_dagster_tests.conftest import INCOMING, START

starts = st.integers(-1000, 1000).map(lambda number: START + number * SECONDS)
times = st.floats(0, 4e9)
spans = st.lists(st.tuples(starts, st.integers(1, 30)).map(lambda one: (one[0], one[0] + one[1] * SECONDS)))
failures = st.builds(Failure, st.integers(1, 10**6), times, st.text(max_size=20), st.text(max_size=50))
cursors = st.builds(
    Cursor,
    closed=spans.map(merged),
    open=st.dictionaries(starts, times, max_size=5),
    failed=st.dictionaries(starts, failures, max_size=5),
    failures_in_a_row=st.integers(0, 10**6),
    committed_at=st.none() | times,
)


@given(cursors, st.sampled_from(["UTC", "America/New_York", "Australia/Lord_Howe"]))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, cursor: Cursor, zone: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any cursor.json"
    write_cursor(path, cursor, zone)
    assert read_cursor(path) == cursor


@given(spans, st.tuples(starts, starts))
def test_merged_spans_and_gaps_hold_the_same_hours_in_as_few_as_can_be(some: list[Span], within: Span) -> None:
    def seconds(of: object) -> set[int]:
        return {second for first, end in of for second in range(first, end, SECONDS)}  # type: ignore[attr-defined]

    result = merged(some)
    assert seconds(result) == seconds(some)
    assert all(one[1] < other[0] for one, other in pairwise(result))
    left = list(gaps(within, result))
    assert seconds(left) == seconds([within]) - seconds(some)
    assert all(one[1] < other[0] for one, other in pairwise(left))


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), max_size=30))
@settings(max_examples=50)
def test_after_any_commits_a_cursor_says_what_the_manifests_say(commits: list[tuple[int, bool]]) -> None:
    cursor, manifests = Cursor(), dict[int, Manifest]()
    for at, (number, closed) in enumerate(commits):
        was_closed = number in manifests and manifests[number].closed
        manifests[number] = manifest_of(INCOMING, hour_of(number), closed=closed or was_closed, listed_at=float(at))
        cursor = cursor.begun(hour_of(number), at).committed(manifests[number], at)
    made_anew = cursor_of(manifests.values())
    assert (made_anew.closed, made_anew.open) == (cursor.closed, cursor.open)
    assert cursor.failed == {}
