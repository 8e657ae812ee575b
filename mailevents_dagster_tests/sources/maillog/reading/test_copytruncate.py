"""What is read while logrotate copies a log and truncates it."""

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
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two"), exim(NOON + 2, "three")]
    assert not hour.is_whole
