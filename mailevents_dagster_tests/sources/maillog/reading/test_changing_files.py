"""Files that change, or are exchanged, while they are looked at and read."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest

from mailevents_dagster.sources.maillog.errors import LogError
from mailevents_dagster.sources.maillog.reading import survey
from mailevents_dagster.sources.maillog.reading.content import PlainContent
from mailevents_dagster.sources.maillog.reading.server_log import ServerLog
from mailevents_dagster_tests.sources.maillog.reading.server import (
    HOUR,
    NOON,
    PACKERS,
    GrowingLog,
    exim,
    reader,
)


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    return GrowingLog(tmp_path)


def test_a_file_that_vanishes_while_it_is_looked_at_is_looked_for_again(
    log: GrowingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write(exim(NOON - HOUR, "before"), exim(NOON, "one"))
    real, rotated = survey.open_content, []

    def rotate_first(path: str, *others: object) -> object:
        if not rotated:
            rotated.append(True)
            log.rotate()
            log.write(exim(NOON + 1, "two"))
        return real(path, *others)  # type: ignore[arg-type]

    monkeypatch.setattr(survey, "open_content", rotate_first)
    hours = reader(log)
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two")]


def test_a_rotation_between_hours_of_a_run_changes_nothing(log: GrowingLog) -> None:
    log.write(exim(NOON - HOUR, "before"), exim(NOON, "one"))
    server = ServerLog(f"{log.path}*", "UTC", log.folder / "cursors" / "index.json")
    first = [*server.hour(NOON, NOON + HOUR).batches]
    log.write(exim(NOON + HOUR, "two"))
    log.rotate()
    log.pack(log.folder / "mainlog.1")
    log.write(exim(NOON + HOUR + 1, "three"))
    second = [*server.hour(NOON + HOUR, NOON + 2 * HOUR).batches]
    server.close()
    assert [len(lines) for lines in first] == [1]
    assert sum(len(lines) for lines in second) == 2


@pytest.mark.slow
def test_a_file_that_is_cut_off_while_it_is_read_is_told_and_read_by_the_next(log: GrowingLog) -> None:
    log.write(*(exim(NOON + number // 100, "x" * 100) for number in range(100_000)))
    server = ServerLog(f"{log.path}*", "UTC", log.folder / "cursors" / "index.json")
    batches = server.hour(NOON, NOON + HOUR).batches
    next(batches)
    log.copytruncate()
    with pytest.raises(LogError, match="was cut off while it was read") as caught:
        list(batches)
    server.close()
    assert caught.value.is_passing
    hours = reader(log)
    hours.read(NOON)
    assert len(hours.lines()) == 100_000


def test_a_file_that_is_truncated_and_written_anew_before_it_is_read_is_not_taken_for_what_it_was(
    log: GrowingLog,
) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    server = ServerLog(f"{log.path}*", "UTC", log.folder / "cursors" / "index.json")
    hour = server.hour(NOON, NOON + HOUR)
    log.copytruncate()
    log.write(*(exim(NOON + number, "new") for number in range(1, 9)))
    with pytest.raises(LogError, match="was cut off while it was read"):
        list(hour.batches)
    server.close()
    hours = reader(log)
    hours.read(NOON)
    assert len(hours.lines()) == 9


@pytest.mark.parametrize("look", range(8))
def test_a_file_that_is_written_anew_between_two_looks_at_it_is_one_of_both(
    log: GrowingLog, monkeypatch: pytest.MonkeyPatch, look: int
) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    real, looks = PlainContent.read, []

    def read(content: PlainContent, at: int, size: int) -> bytes:
        looks.append(at)
        if len(looks) == look + 1:
            log.copytruncate()
            log.write(exim(NOON + 1, "a new one"), exim(NOON + 2, "more"), exim(NOON + 3, "more"))
        return real(content, at, size)

    hours = reader(log)
    with monkeypatch.context() as patch, suppress(LogError):
        patch.setattr(PlainContent, "read", read)
        hours.read(NOON)
    hours.read(NOON)
    assert len(hours.lines()) == len(set(hours.lines())) == (4 if len(looks) > look else 1)


@pytest.mark.parametrize("packer", ["", ".gz"])
def test_a_rotated_file_whose_place_and_inode_another_has_is_not_taken_for_it(log: GrowingLog, packer: str) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    log.rotate()
    log.write(exim(NOON + 5, "two"))
    path = log.folder / "mainlog.1"
    if packer:
        path = log.pack(path, packer)
    other = f"{exim(NOON + 1, 'of another')}\n{exim(NOON + 2, 'file')}\n".encode() * 3
    server = ServerLog(f"{log.path}*", "UTC", log.folder / "cursors" / "index.json")
    batches = server.hour(NOON, NOON + HOUR).batches
    server.close()  # so that it is opened again
    path.write_bytes(PACKERS[packer](other) if packer else other)
    with pytest.raises(LogError, match="was cut off while it was read"):
        list(batches)
    server.close()
