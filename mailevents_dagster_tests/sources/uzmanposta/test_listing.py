"""Complete windows from an API that shows a page at most, whatever its rules are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Generic, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.model.event import Gap
from mailevents_dagster.sources.uzmanposta.listing import list_window
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster.sources.uzmanposta.simulator import Behaviour, FixedMail, Simulator
from mailevents_dagster.sources.uzmanposta.window import Row
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, START, MakeApi, mail

BOUNDS = ("[s,e]", "[s,e)", "(s,e]", "(s,e)")
PAGE = 1000
HOUR = 3600

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class Listed(Generic[R]):
    """A listing with its rows one by one."""

    rows: list[tuple[int, R]]
    strays: list[tuple[int, R]]
    gaps: tuple[Gap, ...]
    calls: int


def listed(ask: Callable[[int, int], Sequence[R]], start: int, end: int, page_limit: int) -> Listed[R]:
    listing = list_window(ask, start, end, PageSize(page_limit, whole=page_limit), pack=list)
    rows = [pair for pack in listing.packs for pair in pack]
    strays = [(time, row) for time, row in listing.outside if not start - 1 <= time <= end]
    return Listed(rows, strays, listing.gaps, listing.calls)


@dataclass(frozen=True)
class FakeRow:
    """A row that says a number; two rows of one time and number are equal."""

    time: int | None
    number: int
    at: int | None = None
    """The time it is listed at, where that is not its own."""

    @property
    def content(self) -> bytes:
        return f"{self.time} {self.number}".encode()

    @property
    def listed_at(self) -> int:
        time = self.time if self.at is None else self.at
        assert time is not None
        return time


@dataclass
class FakeApi:
    """An API of which every rule can be chosen."""

    rows: list[FakeRow]
    bounds: str = "[s,e]"
    cap: str = "newest"
    order: str = "newest_first"
    page_limit: int = PAGE
    random: Random | None = None
    """Shuffles the rows of a second anew for each call."""
    calls: list[tuple[int, int]] = field(default_factory=list)
    before_call: Callable[[FakeApi, int], None] = lambda api, call: None

    def ask(self, start: int, end: int) -> Sequence[FakeRow]:
        self.before_call(self, len(self.calls))
        self.calls.append((start, end))
        first, last = start + (self.bounds[0] == "("), end - (self.bounds[-1] == ")")
        inside = [row for row in self.rows if first <= row.listed_at <= last]
        if self.random:
            self.random.shuffle(inside)
        inside.sort(key=lambda row: row.listed_at)
        page = inside[-self.page_limit :] if self.cap == "newest" else inside[: self.page_limit]
        return page[::-1] if self.order == "newest_first" else page

    def listing(self, start: int = 0, end: int = HOUR) -> Listed[FakeRow]:
        listing = listed(self.ask, start, end, self.page_limit)
        assert listing.calls == len(self.calls)
        assert [time for time, _ in listing.rows] == sorted(time for time, _ in listing.rows)
        return listing


def spread(number: int, *, seconds: int = HOUR, seed: int = 1) -> list[FakeRow]:
    random = Random(seed)
    return [FakeRow(random.randrange(seconds), index) for index in range(number)]


def rows_of(listing: Listed[FakeRow]) -> Counter[FakeRow]:
    return Counter(row for _, row in listing.rows)


# --- whatever the rules


rules = st.builds(
    FakeApi,
    rows=st.just([]),
    bounds=st.sampled_from(BOUNDS),
    cap=st.sampled_from(["newest", "oldest"]),
    order=st.sampled_from(["newest_first", "oldest_first"]),
    page_limit=st.sampled_from([1, 2, 3, 5, 10, 20]),
    random=st.one_of(st.none(), st.randoms(use_true_random=False)),
)


@st.composite
def windows(draw: st.DrawFn) -> tuple[int, int, list[FakeRow]]:
    """A window and rows in and around it, spread out or crowded at its ends and its middle, some of them equal."""
    start, length = 1000, draw(st.sampled_from([1, 2, 10, 100, HOUR]))
    crowded = [start - 1, start, start + length // 2, start + length - 1, start + length]
    times = draw(st.sampled_from([st.integers(start - 3, start + length + 2), st.sampled_from(crowded)]))
    rows = draw(st.lists(st.builds(FakeRow, times, st.integers(0, 5)), max_size=80))
    return start, start + length, rows


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


# --- an API that shows fewer rows at a time than it is taken to


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("cap", ["newest", "oldest"])
@pytest.mark.parametrize("shown", [10, 500, 733])
def test_answers_that_are_cut_below_the_limit_are_found_out_and_listed_to_the_end(
    bounds: str, cap: str, shown: int
) -> None:
    api = FakeApi(spread(3000), bounds, cap, page_limit=shown, random=Random(2))
    listing = list_window(api.ask, 0, HOUR, PageSize(PAGE), pack=list)
    assert Counter(row for pack in listing.packs for _, row in pack) == Counter(api.rows)
    assert (listing.size.limit, listing.gaps) == (shown, ())


def test_what_was_learnt_of_the_limit_is_used_from_then_on_and_given_up_once_an_answer_is_longer() -> None:
    api = FakeApi(spread(3000), page_limit=500)
    size = list_window(api.ask, 0, HOUR, PageSize(PAGE), pack=list).size
    api.calls.clear()
    size = list_window(api.ask, 0, HOUR, size, pack=list).size
    assert (size.limit, len(api.calls)) == (500, 7)
    api.page_limit, api.rows = PAGE, spread(800)
    listing = list_window(api.ask, 0, HOUR, size, pack=list)
    assert Counter(row for pack in listing.packs for _, row in pack) == Counter(api.rows)
    assert listing.size.limit == PAGE


def test_a_limit_that_is_lowered_later_is_found_out_when_its_number_comes_a_second_time() -> None:
    api = FakeApi([FakeRow(second, number) for number, second in enumerate(range(0, 2 * HOUR, 3))], page_limit=500)
    before = PageSize(PAGE, whole=900)
    first = list_window(api.ask, 0, HOUR, before, pack=list)
    second = list_window(api.ask, HOUR, 2 * HOUR, first.size, pack=list)
    again = list_window(api.ask, 0, HOUR, second.size, pack=list)
    assert sum(len(pack) for pack in first.packs) == 499, "nothing shows it yet"
    for listing in (second, again):
        assert sum(len(pack) for pack in listing.packs) == 1200
        assert listing.size.limit == 500


@pytest.mark.parametrize(("rows", "calls"), [(9, 1), (10, 3), (999, 3)])
def test_an_answer_longer_than_all_before_is_asked_once_for_the_rest(rows: int, calls: int) -> None:
    api = FakeApi(spread(rows))
    size = list_window(api.ask, 0, HOUR, PageSize(PAGE), pack=list).size
    assert len(api.calls) == calls
    api.calls.clear()
    list_window(api.ask, 0, HOUR, size, pack=list)
    assert (len(api.calls), size.limit) == (1, PAGE)


def test_rows_that_come_while_the_rest_is_asked_for_do_not_pass_for_rows_cut_off() -> None:
    def arrive(api: FakeApi, call: int) -> None:
        api.rows.append(FakeRow(HOUR - 1, 1000 + call))

    api = FakeApi(spread(200), before_call=arrive)
    assert list_window(api.ask, 0, HOUR, PageSize(PAGE), pack=list).size.limit == PAGE


# --- seconds with more rows than a page


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


# --- odd rows


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
