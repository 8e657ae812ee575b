"""Equal rows, rows whose own time lies elsewhere, and rows without one: each is listed once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.uzmanposta.listing import list_window
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster_tests.sources.uzmanposta.fake_api import (
    BOUNDS,
    HOUR,
    FakeApi,
    FakeRow,
    rows_of,
    rules,
    spread,
    windows,
)


def test_two_equal_rows_are_two_events() -> None:
    twin = FakeRow(1800, 7)
    listing = FakeApi([twin, twin, FakeRow(1, 1)]).listing()
    assert rows_of(listing) == Counter({twin: 2, FakeRow(1, 1): 1})


@pytest.mark.parametrize("bounds", BOUNDS)
def test_equal_rows_are_counted_across_the_edge_of_a_page(bounds: str) -> None:
    rows = [FakeRow(second, 1) for second in range(0, HOUR, 3) for _ in range(2)]
    listing = FakeApi(rows, bounds).listing()
    assert rows_of(listing) == Counter(rows)


def test_a_row_whose_own_time_lies_elsewhere_is_a_stray_and_kept_once_however_many_pages_show_it() -> None:
    strays = [FakeRow(-5000, 1, at=1800), FakeRow(HOUR + 5000, 2, at=10), FakeRow(HOUR + 5000, 2, at=10)]
    rows = spread(2500)
    listing = FakeApi([*rows, *strays]).listing()
    assert rows_of(listing) == Counter(rows)
    assert Counter(row for _, row in listing.strays) == Counter(strays)
    assert [time for time, _ in listing.strays] == [-5000, HOUR + 5000, HOUR + 5000]


@pytest.mark.slow
@given(rules, windows(), st.integers(0, 5))
@settings(max_examples=80)
def test_strays_are_found_and_take_no_row_with_them_whatever_the_rules(
    api: FakeApi, window: tuple[int, int, list[FakeRow]], number: int
) -> None:
    start, end, rows = window
    strays = [FakeRow(-index, index, at=(start + end) // 2) for index in range(number)]
    api = replace(api, rows=[*rows, *strays], calls=[])
    listing = api.listing(start, end)
    found, truth = rows_of(listing), Counter(row for row in rows if start <= row.listed_at < end)
    gaps = {gap.second for gap in listing.gaps}
    assert not found - truth
    missing = {row.listed_at for row in (truth - found).elements()}
    missing |= {(start + end) // 2 for _ in (Counter(strays) - Counter(row for _, row in listing.strays)).elements()}
    assert missing <= gaps


@st.composite
def filtered_otherwise(draw: st.DrawFn) -> list[FakeRow]:
    """Rows in and around an hour, listed by another time than their own: seconds, now and then hours away."""
    listed = draw(st.lists(st.one_of(st.integers(-20, 60), st.integers(HOUR - 60, HOUR + 20)), max_size=60))
    away = st.one_of(st.integers(-6, 6), st.sampled_from([-7200, -1800, 1800, 7200]))
    return [FakeRow(at + draw(away), number, at=at) for number, at in enumerate(listed)]


@pytest.mark.slow
@given(rules, filtered_otherwise(), st.integers(0, 5))
@settings(max_examples=300)
def test_an_api_that_filters_by_another_time_shows_each_row_once_whatever_the_rules(
    api: FakeApi, rows: list[FakeRow], spare: int
) -> None:
    a_second = Counter(row.listed_at for row in rows)
    rows = [row for row in rows if a_second[row.listed_at] <= 3]  # three seconds of them fit into any answer here
    api = replace(api, rows=rows, calls=[], page_limit=api.page_limit + spare + 9)
    listing = list_window(api.ask, 0, HOUR, PageSize(api.page_limit), pack=list)
    assert all(-1 <= first <= last <= HOUR for first, last in api.calls)
    found = Counter(row for pack in listing.packs for _, row in pack)
    outside = Counter(row for _, row in listing.outside)
    assert all(0 <= (row.time or 0) < HOUR for row in found)
    assert not any(0 <= (row.time or 0) < HOUR for row in outside)
    assert max((found + outside).values(), default=0) <= 1
    assert all(-1 <= row.listed_at <= HOUR for row in found + outside)
    assert not Counter(row for row in rows if 0 <= row.listed_at < HOUR) - found - outside
    assert not listing.gaps


@pytest.mark.parametrize("order", ["newest_first", "oldest_first"])
def test_a_row_without_a_time_stands_beside_its_neighbour(order: str) -> None:
    rows = [FakeRow(100, 1), FakeRow(None, 2, at=1800), FakeRow(1801, 3), FakeRow(3000, 4)]
    listing = FakeApi(rows, order=order).listing()
    assert [row.number for _, row in listing.rows] == [1, 2, 3, 4]
    assert all(0 <= time < HOUR for time, _ in listing.rows)
    assert not listing.strays


def test_a_lone_row_without_a_time_is_in_the_window() -> None:
    row = FakeRow(None, 1, at=1800)
    listing = FakeApi([row]).listing()
    assert [found for _, found in listing.rows] == [row]
    assert 0 <= listing.rows[0][0] < HOUR


@pytest.mark.parametrize("number", [500, 1000, 2500])
def test_rows_without_a_time_are_found_once_also_across_pages(number: int) -> None:
    timeless = [FakeRow(None, 100_000 + second, at=second) for second in range(5, HOUR - 5, 97)]
    rows = [*spread(number), *timeless]
    listing = FakeApi(rows).listing()
    assert rows_of(listing) == Counter(rows)
