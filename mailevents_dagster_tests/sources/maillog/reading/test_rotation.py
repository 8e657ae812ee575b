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
    os.truncate(log.path, 0)  # as a new file looks to which the file system gave the number again
    log.write(exim(NOON + 2, "three"))
    assert log.path.stat().st_ino == number
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
