"""What rotation does to files: whatever they are called now, each line counts once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailevents_dagster_tests.sources.maillog.reading.server import HOUR, NOON, PACKERS, GrowingLog, exim, reader


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    log = GrowingLog(tmp_path)
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    return log


ONE_TO_THREE = [exim(NOON, "one"), exim(NOON + 1, "two"), exim(NOON + 2, "three")]


def test_a_renamed_file_is_read_on_where_it_is_now(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.write(exim(NOON + 1, "two"))
    log.rotate()
    log.write(exim(NOON + 2, "three"))
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert hour.measures["lines"] == 2
    assert not hour.gaps
    assert sorted(Path(one.name).name for one in hour.ranges) == ["mainlog", "mainlog.1"]


@pytest.mark.parametrize("packer", [*PACKERS])
def test_a_packed_file_is_the_one_it_was(log: GrowingLog, packer: str) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.rotate()
    log.write(exim(NOON + 1, "two"))
    log.pack(log.folder / "mainlog.1", packer)
    log.write(exim(NOON + 2, "three"))
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert hour.measures["lines"] == 2
    assert not hour.gaps


@pytest.mark.parametrize("packer", [*PACKERS])
def test_a_packed_file_is_read_whatever_its_name_says(tmp_path: Path, packer: str) -> None:
    log = GrowingLog(tmp_path)
    log.write(*ONE_TO_THREE)
    log.rotate()
    log.pack(log.folder / "mainlog.1", packer).rename(log.folder / "mainlog.1")
    log.write(exim(NOON + HOUR, "later"))
    hours = reader(log)
    hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE


def test_while_a_file_is_packed_its_original_is_read(log: GrowingLog) -> None:
    hours = reader(log)
    log.write(*ONE_TO_THREE[1:])
    log.rotate()
    log.write(exim(NOON + HOUR, "later"))
    (log.folder / "mainlog.1.gz").write_bytes(PACKERS[".gz"]((log.folder / "mainlog.1").read_bytes())[:40])
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert not hour.gaps
    hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE


def test_a_packed_file_that_ends_in_the_middle_counts_as_far_as_it_goes(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    log.write(*(exim(NOON + number, f"{number} {hash(number * 7.7)}") for number in range(3000)))
    log.rotate()
    log.write(exim(NOON + HOUR - 1, "next"), exim(NOON + HOUR, "later"))
    packed = log.pack(log.folder / "mainlog.1")
    whole = packed.read_bytes()
    packed.write_bytes(whole[: len(whole) // 2])
    hours = reader(log)
    (hour,) = hours.read(NOON)
    found = len(hours.lines())
    assert 500 < found < 3000
    assert [one.end for one in hour.gaps] == [NOON + HOUR - 1]
    assert "is packed, and it ends in the middle" in hour.gaps[0].why
    packed.write_bytes(whole)
    (hour,) = hours.read(NOON)
    assert len(hours.lines()) == 3001
    assert not hour.gaps


def test_dated_names_are_names_of_the_same_log(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.path.rename(log.folder / "mainlog-20261120")
    log.write(exim(NOON + 1, "two"))
    log.path.rename(log.folder / "mainlog-2026112013")
    log.write(exim(NOON + 2, "three"))
    log.pack(log.folder / "mainlog-20261120")
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert not hour.gaps
    assert hour.measures["lines"] == 2


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


def test_a_file_made_anew_with_the_same_inode_is_another_file(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    with log.path.open("r+b") as file:
        file.write(b"".join(f"{exim(NOON + number, 'new')}\n".encode() for number in range(20)))
    (hour,) = hours.read(NOON)
    assert len(hours.lines()) == 21
    assert hour.measures["lines"] == 20


def test_a_rewritten_file_is_compared_by_its_lines(log: GrowingLog) -> None:
    log.write(*ONE_TO_THREE[1:], exim(NOON + 3, "z four"))
    hours = reader(log)
    hours.read(NOON)
    lines = log.path.read_text().splitlines()
    log.path.write_text("\n".join([lines[0], *lines[2:], exim(NOON + 5, "z five"), ""]))
    (hour,) = hours.read(NOON)
    assert hour.is_whole
    assert hours.lines() == sorted([*ONE_TO_THREE, exim(NOON + 3, "z four"), exim(NOON + 5, "z five")])


def test_a_log_whose_beginning_was_cut_off_is_compared_by_its_lines(log: GrowingLog) -> None:
    log.write(*ONE_TO_THREE[1:])
    hours = reader(log)
    hours.read(NOON)
    hours.index.unlink()
    lines = log.path.read_text().splitlines()
    log.path.write_text("\n".join([*lines[2:], exim(NOON + 5, "z five"), ""]))
    (hour,) = hours.read(NOON)
    assert hour.is_whole
    assert hours.lines() == sorted([*ONE_TO_THREE, exim(NOON + 5, "z five")])


def test_a_number_that_is_missing_is_a_gap(log: GrowingLog) -> None:
    for number in (1, 2, 3):
        log.rotate()
        log.write(exim(NOON + number * 60, f"{number}"))
    (log.folder / "mainlog.2").unlink()
    (hour,) = reader(log).read(NOON)
    assert [(gap.second, gap.end) for gap in hour.gaps] == [(NOON, NOON + 120)]
    assert "number 2" in hour.gaps[0].why


def test_an_empty_file_is_no_missing_number(log: GrowingLog) -> None:
    log.rotate()
    log.rotate()
    log.write(exim(NOON + 60, "two"))
    (hour,) = reader(log).read(NOON)
    assert not hour.gaps


def test_an_inode_that_comes_again_where_rotation_renames_is_no_truncation(log: GrowingLog) -> None:
    hours = reader(log)
    hours.read(NOON)
    log.rotate()
    log.write(exim(NOON + 1, "two"))
    hours.read(NOON)
    number = log.path.stat().st_ino
    (log.folder / "mainlog.1").rename(log.folder / "mainlog.2")
    (log.folder / "mainlog.1.gz").write_bytes(PACKERS[".gz"](log.path.read_bytes()))
    log.path.unlink()
    for other in range(500):  # until the file system gives the number again
        log.write(exim(NOON + 2, "three"))
        if log.path.stat().st_ino == number:
            break
        log.path.rename(log.folder / f"other{other}")
    (hour,) = hours.read(NOON)
    assert hours.lines() == ONE_TO_THREE
    assert not hour.gaps


def test_an_inode_of_a_removed_file_that_comes_again_elsewhere_is_no_truncation(log: GrowingLog) -> None:
    hours = reader(log)
    log.rotate()
    log.write(exim(NOON + 1, "two"))
    log.rotate()
    log.write(exim(NOON + 2, "three"))
    hours.read(NOON)
    (log.folder / "mainlog.2").rename(freed := log.folder / "mainlog.1.gz")
    (log.folder / "mainlog.1").rename(log.folder / "mainlog.2")
    freed.write_bytes(PACKERS[".gz"](log.path.read_bytes()))
    log.path.rename(log.folder / "other")
    log.write(exim(NOON + 3, "z four"))
    (hour,) = hours.read(NOON)
    assert hours.lines() == [*ONE_TO_THREE, exim(NOON + 3, "z four")]
    assert not hour.gaps


def test_a_file_of_one_line_is_a_file_too(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    hours = reader(log)
    for number in range(5):
        log.write(exim(NOON + number, f"{number}"))
        hours.read(NOON)
        log.rotate()
        if number % 2:
            log.pack(log.folder / "mainlog.1")
    hours.read(NOON)
    assert len(hours.lines()) == 5
