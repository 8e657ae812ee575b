"""Hours of a log that is there whole: which lines belong to them, and what proves it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailevents_dagster.sources.maillog.errors import LogError
from mailevents_dagster_tests.sources.maillog.reading.server import (
    HOUR,
    NOON,
    GrowingLog,
    Reader,
    counted,
    exim,
    reader,
    syslog,
)


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    return GrowingLog(tmp_path)


def test_an_hour_has_the_lines_of_its_window_alone(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "first"), exim(NOON + HOUR - 1, "last"), exim(NOON + HOUR, "after"))
    hours = reader(log)
    (hour,) = hours.read(NOON)
    assert hours.lines() == [exim(NOON, "first"), exim(NOON + HOUR - 1, "last")]
    assert hour.is_whole
    assert not hour.gaps
    assert hour.measures["lines"] == 2


def test_the_ledger_names_the_bytes_that_lines_came_from(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"), exim(NOON - 2, "late"), exim(NOON + 1, "two"))
    hours = reader(log)
    (hour,) = hours.read(NOON)
    (range_,) = hour.ranges
    data = log.path.read_bytes()[range_.first : range_.end].decode().splitlines()
    assert data == [exim(NOON, "one"), exim(NOON - 2, "late"), exim(NOON + 1, "two")]
    assert (range_.lines, range_.other_lines, range_.other_bytes) == (2, 1, len(exim(NOON - 2, "late")) + 1)
    assert range_.name == str(log.path)


def test_blank_lines_are_no_lines_and_their_bytes_are_accounted_for(log: GrowingLog) -> None:
    log.write(exim(NOON, "one"), "", "", exim(NOON + 1, "two"))
    hours = reader(log)
    hours.read(NOON)
    (range_,) = hours.hours[NOON].ranges
    assert (range_.end - range_.first, range_.lines, range_.other_lines, range_.other_bytes) == (
        log.path.stat().st_size,
        2,
        0,
        2,
    )


def test_what_is_appended_is_read_by_the_next_collection_alone(log: GrowingLog) -> None:
    log.write(exim(NOON, "one"))
    hours = reader(log)
    hours.read(NOON)
    log.write(exim(NOON, "one"), exim(NOON + 1, "two"))
    (hour,) = hours.read(NOON)
    assert hour.measures["lines"] == 2
    assert hours.lines() == [exim(NOON, "one"), exim(NOON, "one"), exim(NOON + 1, "two")]
    assert [(one.first, one.end) for one in hour.ranges] == [(0, log.path.stat().st_size)]


def test_a_line_that_is_not_finished_is_left_for_later(log: GrowingLog) -> None:
    log.write(exim(NOON, "one"))
    log.write(exim(NOON, "tw"), end="")
    hours = reader(log)
    (hour,) = hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one")]
    assert hour.measures["unfinished_bytes"] == len(exim(NOON, "tw"))
    log.write("o")
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON, "two")]


def test_a_last_line_without_an_end_counts_once_its_file_was_rotated(log: GrowingLog) -> None:
    log.write(exim(NOON, "one"))
    log.write(exim(NOON + 1, "two"), end="")
    hours = reader(log)
    hours.read(NOON)
    log.rotate()
    log.write(exim(NOON + 2, "three"))
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two"), exim(NOON + 2, "three")]
    hours.read(NOON)
    assert len(hours.lines()) == 3


def test_what_is_written_behind_a_last_line_after_rotation_is_read_too(log: GrowingLog) -> None:
    log.write(exim(NOON, "one"))
    log.rotate()
    log.write(exim(NOON + 2, "three"))
    hours = reader(log)
    hours.read(NOON)
    with (log.folder / "mainlog.1").open("a") as late:
        late.write(exim(NOON + 1, "by a process that has it open still") + "\n")
    hours.read(NOON)
    assert len(hours.lines()) == 3


def test_lines_without_a_time_belong_to_the_line_before(log: GrowingLog) -> None:
    log.write("headless", exim(NOON, "one"), "  folded", exim(NOON + HOUR, "two"), "  folded, too")
    hours = reader(log)
    hours.read(NOON, NOON + HOUR)
    assert hours.lines() == sorted(["headless", exim(NOON, "one"), "  folded"])
    assert hours.lines(NOON + HOUR) == sorted([exim(NOON + HOUR, "two"), "  folded, too"])


def test_a_carriage_return_is_part_of_the_line_end(log: GrowingLog) -> None:
    log.write(exim(NOON, "one"), exim(NOON + 1, "tw\ro"), end="\r\n")
    hours = reader(log)
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "tw\ro")]
    assert counted(hours.hours[NOON].ranges) == log.path.stat().st_size


def test_a_line_that_is_no_utf8_is_kept_and_counted(log: GrowingLog) -> None:
    with log.path.open("wb") as file:
        file.write(
            exim(NOON, "ç").encode() + b"\n" + exim(NOON, "").encode() + b"\xe7\0\n" + exim(NOON, "\0").encode() + b"\n"
        )
    hours = reader(log)
    (hour,) = hours.read(NOON)
    assert hours.lines() == sorted([exim(NOON, "ç"), exim(NOON, "ç\0"), exim(NOON, "\0")])
    assert hour.measures["lines_not_utf8"] == 1


def test_an_hour_without_a_line_is_empty_where_the_log_shows_it(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON + HOUR, "after"))
    hours = reader(log)
    (hour,) = hours.read(NOON)
    assert (hours.lines(), hour.gaps, hour.ranges) == ([], [], [])


def test_an_hour_before_the_log_begins_is_gone_and_not_empty(log: GrowingLog) -> None:
    log.write(exim(NOON, "first"))
    with pytest.raises(LogError, match="begins at 2026-11-20 12:00:00") as caught:
        reader(log).read(NOON - HOUR)
    assert caught.value.hour_is_gone
    assert not caught.value.is_passing


def test_an_hour_in_which_the_log_begins_has_a_gap_before_it(log: GrowingLog) -> None:
    log.write(exim(NOON + 1501, "first"))
    hours = reader(log, zone="Europe/Istanbul")
    (hour,) = hours.read(NOON - 3 * HOUR)
    (gap,) = hour.gaps
    assert (gap.second, gap.end) == (NOON - 3 * HOUR, NOON - 3 * HOUR + 1501)
    assert gap.why == "the log begins at 2026-11-20 12:25:01"


def test_an_hour_read_before_rotation_removed_its_file_stays_as_it_was(log: GrowingLog) -> None:
    log.write(exim(NOON - 10, "before"), exim(NOON + 10, "one"))
    log.rotate()
    log.write(exim(NOON + 1501, "two"))
    hours = reader(log)
    hours.read(NOON)
    before = hours.hours[NOON]
    (log.folder / "mainlog.1").unlink()
    (hour,) = hours.read(NOON)
    assert hours.hours[NOON].lines == before.lines
    assert not hour.gaps
    assert {one.file for one in hour.ranges} == {one.file for one in before.ranges}


def test_an_hour_that_is_gone_and_was_read_is_no_error(log: GrowingLog) -> None:
    log.write(exim(NOON - 10, "before"), exim(NOON + 10, "one"))
    log.rotate()
    log.write(exim(NOON + HOUR, "two"))
    hours = reader(log)
    hours.read(NOON)
    (log.folder / "mainlog.1").unlink()
    hours.read(NOON)
    assert hours.lines() == [exim(NOON + 10, "one")]


def test_stamps_without_a_year_are_of_the_year_that_the_file_says(log: GrowingLog) -> None:
    new_year = NOON + 42 * 24 * HOUR - 12 * HOUR
    log.write(syslog(new_year - 1, "old"), syslog(new_year, "new"))
    os.utime(log.path, (new_year + 5, new_year + 5))
    hours = reader(log)
    hours.read(new_year - HOUR, new_year)
    assert hours.lines(new_year - HOUR) == [syslog(new_year - 1, "old")]
    assert hours.lines(new_year) == [syslog(new_year, "new")]


def test_hours_begin_where_the_time_zone_has_them(log: GrowingLog) -> None:
    half = NOON - 1800
    log.write(*(exim(half + minute * 60, f"{minute}") for minute in range(-30, 90)))
    hours = reader(log)
    hours.read(half)
    hours.read(half)
    assert len(hours.lines(half)) == 60


def test_a_wrong_clock_hides_no_line(log: GrowingLog) -> None:
    log.write(exim(NOON, "one"), exim(NOON + 10 * 365 * 24 * HOUR, "wrong"), exim(NOON + 5, "two"), exim(0, "wrong"))
    hours = reader(log)
    hours.read(NOON)
    log.write(exim(NOON + 6, "three"))
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 5, "two"), exim(NOON + 6, "three")]


def test_lines_later_than_the_file_was_changed_are_read_too(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"), exim(NOON + 5 * HOUR, "later"))
    log.rotate()
    log.write(exim(NOON + 6 * HOUR, "last"))
    for path in (log.path, log.folder / "mainlog.1"):
        os.utime(path, (NOON - 9 * HOUR, NOON - 9 * HOUR))
    hours = reader(log)
    hours.read(NOON + 5 * HOUR, NOON + 6 * HOUR, NOON)
    assert [len(hours.lines(NOON + number * HOUR)) for number in (0, 5, 6)] == [1, 1, 1]


def test_growing_files_of_two_servers_wait_for_the_ends_of_their_lines(tmp_path: Path) -> None:
    logs = []
    for number, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        logs.append(GrowingLog(tmp_path / name))
        logs[-1].write(exim(NOON - 1, name), exim(NOON + number, name))
        logs[-1].write(exim(NOON + 9, "beg"), end="")
    hours = Reader(f"{tmp_path}/*/mainlog*", tmp_path / "index.json")
    hours.read(NOON)
    for log in logs:
        log.write("un")
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two"), *[exim(NOON + 9, "begun")] * 2]


def test_blank_lines_at_the_end_are_not_read_again(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"), "", "")
    hours = reader(log)
    hours.read(NOON)
    (hour,) = hours.read(NOON)
    assert hour.measures["files_opened"] == 0
