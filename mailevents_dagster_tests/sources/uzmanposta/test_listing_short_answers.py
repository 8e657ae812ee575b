"""An API that shows fewer rows at a time than it is taken to: it is found out, and every row is listed."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from mailevents_dagster.sources.uzmanposta.listing import list_window
from mailevents_dagster.sources.uzmanposta.page_size import PageSize
from mailevents_dagster_tests.sources.uzmanposta.fake_api import BOUNDS, HOUR, PAGE, FakeApi, FakeRow, spread


@pytest.mark.slow
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


@pytest.mark.parametrize("bounds", BOUNDS)
@pytest.mark.parametrize("cap", ["newest", "oldest"])
def test_rows_cut_off_beside_those_that_are_shown_are_found_whatever_time_the_api_goes_by(
    bounds: str, cap: str
) -> None:
    edge = HOUR - 1 if cap == "oldest" else 0
    for delay in (0, 600):
        early = [FakeRow(second, second, at=max(0, second - delay)) for second in range(60, HOUR, 400)]
        api = FakeApi([*early, *(FakeRow(edge, number) for number in range(2))], bounds, cap, page_limit=10)
        listing = list_window(api.ask, 0, HOUR, PageSize(PAGE), pack=list)
        assert Counter(row for pack in listing.packs for _, row in pack) == Counter(api.rows)
