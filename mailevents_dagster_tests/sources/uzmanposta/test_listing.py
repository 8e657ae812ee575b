"""Complete windows from an API that shows a page at most, whatever its rules are."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.model.event import Gap
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, START, MakeApi, mail
from mailevents_dagster_tests.sources.uzmanposta.fake_api import (
    BOUNDS,
    HOUR,
    PAGE,
    FakeApi,
    FakeRow,
    listed,
    rows_of,
    rules,
    spread,
    windows,
)


@pytest.mark.slow
@given(rules, windows())
@settings(max_examples=300)
def test_all_rows_are_found_or_lie_in_a_second_that_is_named_whatever_the_rules(
    api: FakeApi, window: tuple[int, int, list[FakeRow]]
) -> None:
    start, end, rows = window
    api = replace(api, rows=rows, calls=[])
    listing = api.listing(start, end)
    truth = Counter(row for row in rows if start <= row.listed_at < end)
    found = rows_of(listing)
    assert not found - truth
    gaps = {gap.second: gap.seen for gap in listing.gaps}
    assert {row.time for row in truth - found} <= gaps.keys()
    a_second = Counter(row.time for row in truth.elements())
    assert all(a_second[second] >= api.page_limit for second in gaps)
    seen = Counter(row.time for row in found.elements())
    assert gaps == {second: seen[second] for second in gaps}
    assert len(gaps) == len(listing.gaps)
    assert not listing.strays


@given(rules, windows())
@settings(max_examples=80)
def test_no_window_is_asked_for_that_ends_before_it_starts_or_reaches_far_beyond(
    api: FakeApi, window: tuple[int, int, list[FakeRow]]
) -> None:
    start, end, rows = window
    api = replace(api, rows=rows, calls=[])
    api.listing(start, end)
    assert all(start - 1 <= first <= last <= end for first, last in api.calls)


@given(windows(), windows(), st.sampled_from(BOUNDS), st.sampled_from(["newest", "oldest"]))
@settings(max_examples=50)
def test_neighbouring_windows_share_no_row_and_lose_none(
    one: tuple[int, int, list[FakeRow]], other: tuple[int, int, list[FakeRow]], bounds: str, cap: str
) -> None:
    (start, middle, rows), (_, _, more) = one, other
    rows = rows + more
    end = middle + 50
    api = FakeApi(rows, bounds, cap, page_limit=200)
    before, after = (listed(api.ask, *ends, 200) for ends in ((start, middle), (middle, end)))
    assert rows_of(before) + rows_of(after) == Counter(row for row in rows if start <= row.listed_at < end)


# --- how many calls


@pytest.mark.slow
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize(("number", "most_calls"), [(0, 1), (1, 1), (999, 1), (1000, 3), (1001, 3), (30_000, 33)])
def test_rows_cost_about_a_call_a_page(bounds: str, number: int, most_calls: int) -> None:
    api = FakeApi(spread(number), bounds, random=Random(2))
    listing = api.listing()
    assert rows_of(listing) == Counter(api.rows)
    assert listing.calls <= most_calls
    assert not listing.gaps


@pytest.mark.parametrize("bounds", BOUNDS)
def test_an_api_that_cuts_off_the_newest_rows_is_found_out(bounds: str) -> None:
    api = FakeApi(spread(5000), bounds, cap="oldest", random=Random(2))
    listing = api.listing()
    assert rows_of(listing) == Counter(api.rows)
    assert listing.calls <= 30


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("number", [999, 1000, 1001, 2500])
def test_an_api_that_shows_the_oldest_rows_first_loses_none(bounds: str, number: int) -> None:
    api = FakeApi(spread(number), bounds, order="oldest_first", random=Random(2))
    assert rows_of(api.listing()) == Counter(api.rows)


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("cap", ["newest", "oldest"])
def test_a_crowd_just_outside_the_window_hides_nothing_inside(bounds: str, cap: str) -> None:
    inside = spread(500)
    crowd = [FakeRow(second, number) for second in (-1, HOUR) for number in range(999)]
    listing = FakeApi([*inside, *crowd], bounds, cap, random=Random(2)).listing()
    assert rows_of(listing) == Counter(inside)
    assert not listing.gaps


# --- seconds with more rows than a page


@pytest.mark.slow
@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("cap", ["newest", "oldest"])
@pytest.mark.parametrize("second", [0, 1800, HOUR - 1])
def test_a_second_with_more_rows_than_a_page_is_named_and_all_others_are_there(
    bounds: str, cap: str, second: int
) -> None:
    crowd = [FakeRow(second, number) for number in range(1200)]
    others = [row for row in spread(3000) if row.time != second]
    listing = FakeApi([*others, *crowd], bounds, cap, random=Random(2)).listing()
    (gap,) = listing.gaps
    assert gap.second == second
    assert PAGE <= gap.seen <= len(crowd)
    found = rows_of(listing)
    assert not Counter(others) - found
    assert not found - Counter([*others, *crowd])
    assert sum(found.values()) == len(others) + gap.seen


def test_a_second_with_exactly_a_page_is_a_gap_because_nothing_shows_that_it_is_whole() -> None:
    listing = FakeApi([FakeRow(1800, number) for number in range(PAGE)]).listing()
    assert len(listing.rows) == PAGE
    assert listing.gaps == (Gap(1800, PAGE),)


@pytest.mark.parametrize("bounds", BOUNDS)
def test_a_second_with_a_row_less_than_a_page_is_whole(bounds: str) -> None:
    rows = [FakeRow(second, number) for second in (1799, 1800, 1801) for number in range(PAGE - 1)]
    listing = FakeApi(rows, bounds, random=Random(2)).listing()
    assert rows_of(listing) == Counter(rows)
    assert not listing.gaps


# --- an API that changes while it is listed


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("seed", range(5))
def test_rows_that_arrive_while_it_pages_cost_none_of_those_that_were_there(bounds: str, seed: int) -> None:
    there = spread(5000, seed=seed)
    random = Random(seed)

    def arrive(api: FakeApi, call: int) -> None:
        if call:
            api.rows += [FakeRow(random.randrange(HOUR), 10_000 * call + number) for number in range(50)]

    api = FakeApi(list(there), bounds, random=Random(seed), before_call=arrive)
    found = rows_of(api.listing())
    assert not Counter(there) - found
    assert not found - Counter(api.rows)


@pytest.mark.parametrize("seed", range(5))
def test_rows_that_vanish_while_it_pages_take_no_other_with_them(seed: int) -> None:
    there = spread(5000, seed=seed)
    random = Random(seed)

    def vanish(api: FakeApi, call: int) -> None:
        for _ in range(10 if call else 0):
            api.rows.pop(random.randrange(len(api.rows)))

    api = FakeApi(list(there), random=Random(seed), before_call=vanish)
    found = rows_of(api.listing())
    assert not Counter(api.rows) - found
    assert not found - Counter(there)


def test_rows_that_one_page_showed_and_the_next_one_hides_are_looked_for_again() -> None:
    there = spread(2500)
    seam = sorted(row.listed_at for row in there)[-PAGE]

    def hide_for_one_call(api: FakeApi, call: int) -> None:
        api.rows = [row for row in there if call != 1 or row.time != seam]

    api = FakeApi(there, before_call=hide_for_one_call)
    assert rows_of(api.listing()) == Counter(there)


# --- against the simulator, over HTTP


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize(("cap", "order"), [("newest", "newest_first"), ("oldest", "oldest_first")])
def test_the_simulated_api_is_listed_whole_under_all_its_rules(
    bounds: str, cap: str, order: str, fixed: FixedMail, make_api: MakeApi
) -> None:
    random = Random(3)
    rows = [mail(START - 2 + random.randrange(HOUR + 4), f"Q{number}") for number in range(230)]
    crowd = [mail(START + 1800, f"C{number}") for number in range(30)]
    fixed.add(DOMAIN, INCOMING.name, [*rows, *crowd])
    behaviour = Behaviour(bounds=bounds, cap=cap, order=order, page_limit=20, shuffle_ties=True)  # type: ignore[arg-type]
    with Simulator(behaviour, source=fixed, now=lambda: START + 2 * HOUR) as simulator:
        api = make_api(simulator.base_url)
        listing = listed(lambda first, last: api.rows(INCOMING, first, last), START, START + HOUR, 20)
        assert simulator.calls.count("list") == listing.calls == api.tally.lists
    whole = [row for row in rows if START <= row["time"] < START + HOUR and row["time"] != START + 1800]
    truth = {row["queue_id"] for row in whole}
    found = Counter(row.queue_id for _, row in listing.rows)
    assert truth <= found.keys()
    assert set(found.values()) == {1}
    (gap,) = listing.gaps
    assert gap.second == START + 1800
    assert len(found) == len(truth) + gap.seen
    assert 20 <= gap.seen <= 30


def test_equal_sign_ins_in_one_second_are_listed_as_often_as_they_happened(
    fixed: FixedMail, simulator: Simulator, make_api: MakeApi
) -> None:
    sign_in = {"email": "a@example.com", "service": "imap", "time": START + 5}
    fixed.add(DOMAIN, AUTHENTICATION.name, [sign_in] * 3)
    api = make_api(simulator.base_url)
    listing = listed(lambda first, last: api.rows(AUTHENTICATION, first, last), START, START + HOUR, 1000)
    assert [time for time, _ in listing.rows] == [START + 5] * 3
