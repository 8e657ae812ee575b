"""What of an hour is missing, and what closes a gap again."""

from __future__ import annotations

import numpy as np
import pytest

from mailevents_dagster.model.event import Gap
from mailevents_dagster.sources.maillog.reading.proof import Extent, gaps_from_now_on, gaps_of

LOST = "lines may be lost"


def gaps(
    *extents: Extent, numbers: tuple[int, ...] = (), first: int = 0, end: int = 100
) -> list[tuple[int, int | None]]:
    return [(gap.second, gap.end) for gap in gaps_of(extents, numbers, first, end)]


def test_a_file_goes_on_where_the_one_before_ends() -> None:
    assert gaps(Extent("b", 10, 50, 1), Extent("a", 80, 90, 0)) == []


@pytest.mark.parametrize(
    ("first", "end", "expected"),
    [(0, 100, [(50, 80)]), (0, 60, [(50, 60)]), (60, 100, [(60, 80)]), (80, 100, []), (0, 50, [])],
)
def test_a_loss_is_a_gap_up_to_the_next_file(first: int, end: int, expected: list[tuple[int, int]]) -> None:
    assert gaps(Extent("b", 10, 50, 1, LOST), Extent("a", 80, 90, 0), first=first, end=end) == expected


def test_a_loss_within_one_second_is_a_gap_of_that_second() -> None:
    assert gaps(Extent("b", 10, 50, 1, LOST), Extent("a", 50, 90, 0)) == [(50, 51)]


def test_a_loss_behind_lines_that_need_not_be_read_is_no_gap_of_this_hour() -> None:
    assert gaps(Extent("b", 10, None, 1, LOST), Extent("a", 80, 90, 0)) == []


def test_a_missing_number_is_a_gap_unless_an_empty_file_has_it() -> None:
    files = Extent("mainlog.4", 10, 50, 4), Extent("mainlog.2", 80, 90, 2)
    assert gaps(*files, numbers=(0, 1, 2, 4)) == [(50, 80)]
    assert gaps(*files, numbers=(0, 1, 2, 3, 4)) == []


def test_a_gap_that_no_file_shows_any_more_stays() -> None:
    before = [Gap(10, 0, 20, "copied")]
    assert gaps_from_now_on(before, [], np.array([5, 10, 20])) == tuple(before)


def test_a_gap_is_closed_by_lines_in_it() -> None:
    assert gaps_from_now_on([Gap(10, 0, 20, "copied"), Gap(30, 0, 40, "cut")], [], np.array([35])) == (
        Gap(10, 0, 20, "copied"),
    )


def test_a_gap_that_is_found_again_stands_once() -> None:
    found = [Gap(10, 0, 15, "mainlog.2")]
    assert gaps_from_now_on([Gap(10, 0, 20, "mainlog.1")], found, np.array([], np.int64)) == tuple(found)
