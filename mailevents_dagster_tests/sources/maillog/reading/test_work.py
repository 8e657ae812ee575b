"""How much is read: each appended byte once, and nothing at all where nothing was appended."""

from __future__ import annotations

import os
import random
import tracemalloc
from pathlib import Path

import pytest

from mailevents_dagster.sources.maillog.reading.index import load_index
from mailevents_dagster.sources.maillog.reading.server_log import ServerLog
from mailevents_dagster_tests.sources.maillog.reading.server import HOUR, NOON, GrowingLog, exim, reader, syslog


@pytest.mark.slow
def test_each_appended_byte_is_read_once(tmp_path: Path) -> None:
    log, numbers = GrowingLog(tmp_path), random.Random(18)
    log.write(exim(NOON - 1, "before"))
    hours = reader(log)
    hours.read(NOON)
    read, before = 0.0, log.path.stat().st_size
    appended = -before
    for minute in range(0, 26 * 60, 5):
        now = NOON + minute * 60
        log.write(*(exim(now + second, "x" * numbers.randrange(30, 300)) for second in range(0, 300, 10)))
        start = now // HOUR * HOUR
        read += sum(hour.measures["bytes_read"] for hour in hours.read(start))
        if minute % 60 == 5 and minute > 60:  # the hour that ended
            read += sum(hour.measures["bytes_read"] for hour in hours.read(start - HOUR))
        if minute == 12 * 60:
            appended += log.path.stat().st_size
            os.utime(log.path, (NOON, NOON))  # not in this second
            log.rotate()
        if minute == 12 * 60 + 30:
            log.pack(tmp_path / "mainlog.1")
    appended += log.path.stat().st_size
    assert read / appended <= 1.05
    assert sum(len(hours.lines(start)) for start in hours.hours) == 26 * 60 // 5 * 30


def test_where_nothing_was_appended_no_file_is_opened(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    for number in range(6):
        log.write(exim(NOON + number, f"{number}"))
        log.rotate()
        if number % 2:
            log.pack(tmp_path / "mainlog.1")
    log.write(exim(NOON + HOUR, "later"))
    hours = reader(log)
    hours.read(NOON, NOON + HOUR)
    written = hours.index.stat().st_mtime_ns
    for hour in hours.read(NOON, NOON + HOUR):
        assert (hour.measures["files_opened"], hour.measures["bytes_read"]) == (0, 0)
    assert hours.index.stat().st_mtime_ns == written


def test_a_renamed_file_is_not_opened_again(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    hours = reader(log)
    hours.read(NOON)
    log.rotate()
    (hour,) = hours.read(NOON)
    assert hour.measures["files_opened"] == 0


def test_hours_of_one_run_share_what_is_read(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    log.write(*(exim(NOON + number * 60, "x" * 200) for number in range(600)))
    hours = reader(log)
    found = hours.read(*range(NOON, NOON + 10 * HOUR, HOUR))
    assert sum(hour.measures["bytes_read"] for hour in found) <= 1.05 * log.path.stat().st_size


@pytest.mark.parametrize("is_written_late", [False, True])
def test_a_packed_file_is_read_again_only_where_something_was_written_late(
    tmp_path: Path, is_written_late: bool
) -> None:
    log, numbers = GrowingLog(tmp_path), random.Random(5)
    log.write(exim(NOON - 1, "before"), *(exim(NOON + number, f"{numbers.random()}") for number in range(3000)))
    os.utime(log.path, (NOON, NOON))
    log.rotate()
    log.write(exim(NOON + HOUR, "later"))
    hours = reader(log)
    hours.read(NOON)
    if is_written_late:
        with (tmp_path / "mainlog.1").open("a") as late:
            late.write(exim(NOON + HOUR - 1, "late") + "\n")
    log.pack(tmp_path / "mainlog.1", ".xz")
    (hour,) = hours.read(NOON)
    assert hour.measures["lines"] == is_written_late
    assert (hour.measures["bytes_read"] > 20_000) == is_written_late


@pytest.mark.slow
@pytest.mark.parametrize("form", [exim, syslog])
def test_an_hour_of_weeks_ago_is_found_without_reading_the_weeks_between(tmp_path: Path, form: object) -> None:
    assert callable(form)
    log = GrowingLog(tmp_path)
    start, count = NOON - 21 * 24 * HOUR, 100_000
    step = (NOON - start) // count
    log.write(*(form(start + number * step, f"{number} {'x' * 400}") for number in range(count)))
    os.utime(log.path, (NOON, NOON))
    hours = reader(log)
    wanted = start + 3 * 24 * HOUR
    (hour,) = hours.read(wanted)
    assert len(hours.lines(wanted)) == HOUR // step
    assert not hour.gaps
    assert hour.measures["bytes_read"] < log.path.stat().st_size / 5
    later = wanted + 10 * 24 * HOUR
    hours.read(later, wanted + HOUR, wanted - HOUR)
    assert len(hours.lines(later)) == len(hours.lines(wanted + HOUR)) == len(hours.lines(wanted - HOUR)) == 200


@pytest.mark.slow
def test_all_hours_are_the_same_in_whatever_order_they_are_read(tmp_path: Path) -> None:
    log, numbers = GrowingLog(tmp_path), random.Random(3)
    count = 60_000
    log.write(*(exim(NOON + number + numbers.randrange(-3, 4), f"{number} {'x' * 300}") for number in range(count)))
    starts = [*range(NOON, NOON + count + HOUR, HOUR)]
    numbers.shuffle(starts)
    hours = reader(log)
    for start in starts:
        hours.read(start)
    before = sum(1 for line in log.path.read_text().splitlines()[:9] if line < exim(NOON, ""))
    assert sum(len(hours.lines(start)) for start in starts) == count - before
    found = [range_ for kept in hours.hours.values() for range_ in kept.ranges]
    assert sum(one.end - one.first - one.other_bytes for one in found) <= log.path.stat().st_size


def test_a_log_of_years_without_a_year_in_its_stamps_is_read_from_its_newest_line(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    start, days = NOON - 900 * 24 * HOUR, 900
    log.write(*(syslog(start + day * 24 * HOUR, f"{day} {'x' * 100}") for day in range(days)))
    os.utime(log.path, (NOON, NOON))
    hours = reader(log)
    hours.read(start, start + 400 * 24 * HOUR, start + 899 * 24 * HOUR)
    texts = [hours.lines(start + day * 24 * HOUR)[0].split()[4] for day in (0, 400, 899)]
    assert texts == ["0", "400", "899"]


@pytest.mark.slow
def test_the_index_stays_small(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    log.write(exim(NOON - 1, "before"))
    hours = reader(log)
    for minute in range(0, 20 * 60, 3):
        log.write(exim(NOON + minute * 60, "x"))
        hours.read((NOON + minute * 60) // HOUR * HOUR)
    index, note = load_index(hours.index, "UTC")
    assert note == ""
    (file,) = index.files.values()
    assert len(file.stretches) == 1
    assert len(file.stretches[0].spans) < 7 * 20 + 20


@pytest.mark.slow
def test_memory_is_bounded(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    log.write(*(exim(NOON + number // 100, "x" * 500) for number in range(100_000)))
    server = ServerLog(f"{log.path}*", "UTC", tmp_path / "cursors" / "index.json", memory=2**22)
    tracemalloc.start()
    count = sum(len(lines) for lines in server.hour(NOON, NOON + HOUR).batches)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    server.close()
    assert count == 100_000
    assert peak < 25 * 2**20
