"""By what a file is told to be another: its last line may have no end, and then it says little."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mailevents_dagster.sources.maillog.errors import LogError
from mailevents_dagster.sources.maillog.reading.server_log import ServerLog
from mailevents_dagster_tests.sources.maillog.reading.server import HOUR, NOON, PACKERS, GrowingLog, exim, reader


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    log = GrowingLog(tmp_path)
    log.write(exim(NOON, "one"))
    return log


@pytest.mark.parametrize("rest", ["2", "2026-11-20 12:0"])
def test_a_copy_with_the_inode_of_one_that_ended_within_a_line_is_another_file(log: GrowingLog, rest: str) -> None:
    hours = reader(log)
    end = log.path.stat().st_size
    log.write(rest, end="")
    log.copytruncate()
    two, three, four = exim(NOON + 1, "two").ljust(end - 1, "."), exim(NOON + 2, "three"), exim(NOON + 3, "four")
    log.write(two, three, four)
    hours.read(NOON)
    copy = log.folder / "mainlog.1"
    (log.folder / "mainlog.2.gz").write_bytes(PACKERS[".gz"](copy.read_bytes()))
    copy.write_bytes(log.path.read_bytes())
    os.truncate(log.path, 0)
    log.write(exim(NOON + HOUR, "next hour"))
    hours.read(NOON)
    assert hours.lines() == sorted([exim(NOON, "one"), rest, two, three, four])


def test_a_rotated_file_that_ends_within_a_line_is_not_told_by_that_line_alone(log: GrowingLog) -> None:
    log.write("2", end="")
    log.rotate()
    log.write(exim(NOON + 5, "two"))
    reader(log).read(NOON)
    server = ServerLog(f"{log.path}*", "UTC", log.folder / "cursors" / "index.json")
    batches = server.hour(NOON, NOON + HOUR).batches
    server.close()  # so that it is opened again
    path = log.folder / "mainlog.1"
    path.write_bytes(path.read_bytes().replace(b"one", b"two"))
    try:
        with pytest.raises(LogError, match="was cut off while it was read"):
            list(batches)
    finally:
        server.close()
