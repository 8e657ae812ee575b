"""Files that are no logs, or cannot be read: a message that says what to do, and nothing lost."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailevents_dagster.sources.maillog.errors import LogError
from mailevents_dagster.sources.maillog.reading import survey
from mailevents_dagster.sources.maillog.reading.lines import PIECE
from mailevents_dagster.sources.maillog.reading.server_log import ServerLog
from mailevents_dagster_tests.sources.maillog.reading.server import (
    HOUR,
    NOON,
    GrowingLog,
    Reader,
    counted,
    exim,
    reader,
)


@pytest.fixture
def log(tmp_path: Path) -> GrowingLog:
    return GrowingLog(tmp_path)


def refusal(hours: Reader, start: int = NOON) -> LogError:
    with pytest.raises(LogError) as caught:
        hours.read(start)
    return caught.value


def test_no_file_at_all_is_told_with_the_pattern(tmp_path: Path) -> None:
    error = refusal(Reader(f"{tmp_path}/nothing*", tmp_path / "index.json"))
    assert f"No file is named {tmp_path}/nothing*" in str(error)
    assert error.cause == "no file"
    assert not error.hour_is_gone


def test_a_folder_is_told(tmp_path: Path) -> None:
    error = refusal(Reader(str(tmp_path), tmp_path / "index.json"))
    assert f"such as {tmp_path}/mainlog*" in str(error)


def test_a_folder_beside_the_log_is_left_out(log: GrowingLog) -> None:
    (log.folder / "mainlog.d").mkdir()
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    hours = reader(log)
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one")]


def test_an_empty_log_says_nothing_of_an_hour(log: GrowingLog) -> None:
    error = refusal(reader(log))
    assert error.is_passing
    assert not error.hour_is_gone


def test_a_file_of_zeros_is_told(log: GrowingLog) -> None:
    log.path.write_bytes(bytes(3 * PIECE))
    error = refusal(reader(log))
    assert f"{log.path}: no line of it begins with a time" in str(error)
    os.truncate(log.path, 0)
    os.truncate(log.path, 10 * 2**40)  # a hole: nobody reads through it
    assert "no line of it begins with a time" in str(refusal(reader(log)))


def test_a_file_that_is_no_log_is_told(log: GrowingLog) -> None:
    log.write("<html>", "<body>503</body>")
    assert "no line of it begins with a time" in str(refusal(reader(log)))


def test_a_rotated_file_that_is_damaged_leaves_a_gap_and_the_others(log: GrowingLog) -> None:
    for number in range(3):
        log.write(exim(NOON + number * 60, f"{number}"))
        log.rotate()
    log.write(exim(NOON + 240, "4"))
    (log.folder / "mainlog.2").write_bytes(bytes(100))
    hours = reader(log)
    (hour,) = hours.read(NOON)
    assert len(hours.lines()) == 3
    assert [(gap.second - NOON, (gap.end or 0) - NOON) for gap in hour.gaps] == [(0, 120)]
    assert "mainlog.2, has no line that begins with a time" in hour.gaps[0].why


def test_a_packed_file_of_which_nothing_can_be_read_leaves_a_gap(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    log.rotate()
    log.write(exim(NOON + 60, "lost"))
    log.rotate()
    log.write(exim(NOON + 90, "two"))
    packed = log.pack(log.folder / "mainlog.1")
    packed.write_bytes(packed.read_bytes()[:12])
    (hour,) = reader(log).read(NOON)
    assert [(gap.second - NOON, (gap.end or 0) - NOON) for gap in hour.gaps] == [(0, 90)]


def test_a_rotated_file_of_blank_lines_is_no_damage(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    log.rotate()
    log.write("", "")
    log.rotate()
    log.write(exim(NOON + 5, "two"))
    hours = reader(log)
    (hour,) = hours.read(NOON)
    assert not hour.gaps
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 5, "two")]


def test_a_file_that_cannot_be_opened_is_told_where_it_may_hold_the_hour(
    log: GrowingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write(exim(NOON - HOUR, "before"), exim(NOON, "one"))
    log.rotate()
    log.write(exim(NOON + HOUR, "two"))
    log.rotate()
    log.write(exim(NOON + 2 * HOUR, "three"))
    monkeypatch.setattr(survey, "open_content", _refusing(log.path, survey.open_content))
    hours = reader(log)
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one")]
    error = refusal(hours, NOON + HOUR)
    assert f"{log.path} cannot be read: Permission denied" in str(error)
    assert "`adm`" in str(error)
    assert error.cause == "rights"


def test_a_file_that_could_not_be_opened_for_a_while_lost_nothing(
    log: GrowingLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hour in (-2, -1, 0):
        log.write(exim(NOON + hour * HOUR, "two"))
        if hour:
            log.rotate()
    hours = reader(log)
    hours.read(NOON)
    log.write(exim(NOON + 1, "three"))
    with monkeypatch.context() as patch:
        patch.setattr(survey, "open_content", _refusing(log.path, survey.open_content))
        hours.read(NOON - 2 * HOUR)
    (found,) = hours.read(NOON)
    assert hours.lines() == [exim(NOON, "two"), exim(NOON + 1, "three")]
    assert not found.gaps


def _refusing(path: Path, real: Callable[..., object]) -> Callable[..., object]:
    def refuse(at: str, *others: object) -> object:
        if at == str(path):
            raise PermissionError(13, "Permission denied", at)
        return real(at, *others)

    return refuse


@pytest.mark.slow
def test_a_line_of_a_hundred_megabytes_comes_in_pieces(log: GrowingLog) -> None:
    stamp = exim(NOON, "")
    with log.path.open("wb") as file:
        file.write(f"{exim(NOON - 1, 'before')}\n{stamp}".encode())
        for _ in range(100):
            file.write(b"x" * PIECE)
        file.write(f"\n{exim(NOON + 1, 'after')}\n".encode())
    server = ServerLog(f"{log.path}*", "UTC", log.folder / "cursors" / "index.json")
    hour = server.hour(NOON, NOON + HOUR)
    lengths = [len(text) for lines in hour.batches for text in lines.texts.to_pylist()]
    server.close()
    assert lengths == [*[PIECE] * 100, len(stamp), len(exim(NOON + 1, "after"))]
    assert counted(hour.ranges) == 100 * PIECE + len(stamp) + len(exim(NOON + 1, "after")) + 2


def test_pieces_of_a_long_line_cut_no_letter(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "ç" * PIECE))
    hours = reader(log)
    (hour,) = hours.read(NOON)
    assert hour.measures["lines_not_utf8"] == 0
    assert "".join(sorted(hours.lines(), reverse=True)).count("ç") == PIECE


def test_a_first_line_longer_than_what_is_read_at_once_is_a_line(log: GrowingLog) -> None:
    log.write(exim(NOON, "x" * 3 * PIECE), exim(NOON + 1, "two"))
    hours = reader(log)
    hours.read(NOON)
    assert len(hours.lines()) == 5


@pytest.mark.parametrize("damage", [b"", b"{}", b"\0" * 100, b'{"version": 1}'])
def test_a_damaged_index_is_made_anew(log: GrowingLog, damage: bytes) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    hours = reader(log)
    hours.read(NOON)
    hours.index.write_bytes(damage)
    log.write(exim(NOON + 1, "two"))
    (hour,) = hours.read(NOON)
    assert hours.lines() == [exim(NOON, "one"), exim(NOON + 1, "two")]
    assert [note for note in hour.notes if "is made anew" in note]


def test_an_index_of_another_time_zone_is_made_anew(log: GrowingLog) -> None:
    log.write(exim(NOON - 1, "before"), exim(NOON, "one"))
    hours = reader(log)
    hours.read(NOON)
    hours.zone = "Europe/Istanbul"
    hours.hours.clear()
    hours.read(NOON - 3 * HOUR)
    assert hours.lines(NOON - 3 * HOUR) == [exim(NOON, "one")]
