"""What is read of a log that is truncated, copied before or not, and while that goes on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailevents_dagster_tests.sources.maillog.reading.server import HOUR, NOON, GrowingLog, Reader, exim, reader


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    log = GrowingLog(tmp_path)
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    return log


ONE_TO_THREE = [exim(NOON, "one"), exim(NOON + 1, "two"), exim(NOON + 2, "three")]


def test_what_copytruncate_may_have_lost_is_a_gap(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.write(exim(NOON + 1, "two"))
    log.copytruncate()
    log.write(exim(NOON + 2, "three"))
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    (gap,) = hour.gaps
    assert (gap.second, gap.end) == (NOON + 1, NOON + 2)
    assert "copytruncate" in gap.why
    assert hour.measures["lines"] == 2


def test_the_gap_of_copytruncate_stays_when_the_copies_are_renamed_and_packed(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.copytruncate()
    log.write(exim(NOON + 1, "two"))
    hours.read(NOON)
    log.copytruncate()
    log.write(exim(NOON + 2, "three"))
    log.pack(log.folder / "mainlog.2")
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert [(gap.second - NOON, (gap.end or 0) - NOON) for gap in hour.gaps] == [(0, 1), (1, 2)]


def test_a_copy_that_was_not_seen_to_be_made_is_one_where_rotation_copies(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.copytruncate()
    log.write(exim(NOON + 1, "two"))
    (log.folder / "mainlog.1").rename(
        hidden := log.folder / "hidden"
    )  # as where it is made behind a look at the folder
    log.copytruncate()
    log.write(exim(NOON + 2, "three"))
    (log.folder / "mainlog.1").rename(log.folder / "hidden2")
    hidden.rename(log.folder / "mainlog.2")
    hours.read(NOON)
    (log.folder / "hidden2").rename(log.folder / "mainlog.1")
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert [(gap.second - NOON, (gap.end or 0) - NOON) for gap in hour.gaps] == [(0, 1), (1, 2)]


def test_a_gap_that_reaches_into_the_next_hour_is_named_there_too(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.copytruncate()
    log.write(exim(NOON + HOUR + 5, "next hour"))
    first, second = hours.read(NOON, NOON + HOUR)
    assert [(gap.second, gap.end) for gap in first.gaps] == [(NOON, NOON + HOUR)]
    assert [(gap.second, gap.end) for gap in second.gaps] == [(NOON + HOUR, NOON + HOUR + 5)]


def test_a_copy_that_is_still_made_is_the_file_it_is_a_copy_of(log: GrowingLog) -> None:
    hours = reader(log)
    log.write(*ONE_TO_THREE[1:])
    hours.read(NOON)
    (log.folder / "mainlog.1").write_bytes(log.path.read_bytes()[:60])
    log.write(exim(NOON + 3, "z four"))
    (hour,) = hours.read(NOON)
    assert hours.lines() == sorted([*ONE_TO_THREE, exim(NOON + 3, "z four")])
    assert not hour.gaps
    assert hour.measures["lines"] == 1


def test_a_copy_that_ends_in_a_line_is_not_finished_while_its_original_is_there(log: GrowingLog) -> None:
    hours = reader(log)
    log.write(exim(NOON + 1, "two"))
    (log.folder / "mainlog.1").write_bytes(log.path.read_bytes()[:-2])
    whole = log.path.read_bytes()
    os.truncate(log.path, len(whole) - 5)  # as it was when it was looked at before the copy was
    hours.read(NOON)
    log.path.write_bytes(whole)
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two")]


def test_a_truncated_file_has_a_gap_between_what_was_read_and_what_came_then(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    os.truncate(log.path, 0)
    log.write(exim(NOON + 9, "new"))
    (hour,) = hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 9, "new")]
    assert [(gap.second, gap.end) for gap in hour.gaps] == [(NOON, NOON + 9)]


def test_a_truncation_is_seen_though_the_file_was_empty_for_a_while(log: GrowingLog) -> None:
    hours = reader(log)
    log.rotate()
    log.write(exim(NOON + 1, "two"))
    hours.read(NOON)
    os.truncate(log.path, 0)
    hours.read(NOON)
    log.write(exim(NOON + 9, "new"))
    (hour,) = hours.read(NOON)
    assert [(gap.second, gap.end) for gap in hour.gaps] == [(NOON + 1, NOON + 9)]


def test_where_nothing_was_written_since_a_truncation_what_may_be_lost_ends_when_it_was_seen(log: GrowingLog) -> None:
    hours = reader(log, now=NOON + 100)
    hours.read(NOON)
    log.copytruncate()
    (hour,) = hours.read(NOON)
    assert [(gap.second, gap.end) for gap in hour.gaps] == [(NOON, NOON + 100)]
    hours.now = NOON + 2 * HOUR
    same, later = hours.read(NOON, NOON + HOUR)
    assert same.gaps == hour.gaps
    assert not later.gaps


def test_who_does_not_append_leaves_zeros_after_a_truncation(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    size = log.path.stat().st_size
    log.copytruncate()
    with log.path.open("r+b") as writer:
        writer.seek(size)
        writer.write(f"{exim(NOON + 1, 'two')}\n{exim(NOON + 2, 'three')}\n".encode())
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert [one.first for one in hour.ranges if one.name == str(log.path)] == [size]


def read_after_copying(log: GrowingLog) -> Reader:
    """Read what was written behind the copy, and leave its original as it was truncated then."""
    hours = reader(log)
    (log.folder / "mainlog.1").write_bytes(log.path.read_bytes())
    hours.read(NOON)
    log.write(exim(NOON + 1, "two"), exim(NOON + HOUR, "next"))
    hours.read(NOON)
    os.truncate(log.path, 0)
    return hours


def test_what_was_read_behind_the_copy_stays_and_all_else_is_read_from_it(log: GrowingLog) -> None:
    hours = read_after_copying(log)
    hours.read(NOON, NOON - HOUR)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two")]
    assert hours.lines(NOON - HOUR) == [exim(NOON - 1, "before")]


def test_what_came_between_copying_and_truncating_is_a_gap_in_the_hour_that_was_not_read(log: GrowingLog) -> None:
    hours = read_after_copying(log)
    log.write(exim(NOON + HOUR + 9, "new"))
    noon, following = hours.read(NOON, NOON + HOUR)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two")]
    assert hours.lines(NOON + HOUR) == [exim(NOON + HOUR + 9, "new")]
    assert [(gap.second, gap.end) for gap in following.gaps] == [(NOON + HOUR, NOON + HOUR + 9)]
    assert [gap.end for gap in noon.gaps] == [NOON + HOUR]
    log.pack(log.folder / "mainlog.1")
    hours.read(NOON, NOON + HOUR)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two")]


def test_a_copy_that_has_all_that_was_read_is_read_on_as_if_it_were_renamed(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.write(exim(NOON + 1, "two"))
    (log.folder / "mainlog.1").write_bytes(log.path.read_bytes())
    hours.read(NOON + HOUR)
    os.truncate(log.path, 0)
    log.write(exim(NOON + 2, "three"))
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert not hour.is_whole
