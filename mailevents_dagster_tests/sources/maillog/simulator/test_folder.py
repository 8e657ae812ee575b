"""The folder of a simulated log: what it holds depends on the time alone, whoever wrote it, killed or not."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailevents_dagster.sources.maillog.simulator import folder, lines, write_until

NOON = 1_795_176_000
"""2026-11-20 12:00 UTC."""
HOUR = 3600
DAY = 86_400
NAME = "mx1.example.com"
FORMATS = ("exim", "postfix")


def grown(place: Path, *times: float, kind: str = "exim", start: int = NOON, timezone: str = "UTC") -> Path:
    for now in times:
        write_until(place, NAME, kind, start, now, timezone)
    return place


def content(place: Path) -> dict[str, bytes]:
    """What readers of the folder find, unpacked."""
    files = sorted(path for path in place.iterdir() if not path.name.startswith("."))
    return {
        path.name: gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes() for path in files
    }


def expected(kind: str, first: int, end: int, timezone: str = "UTC") -> bytes:
    return "".join(f"{line}\n" for line in lines(NAME, kind, first, end, timezone)).encode()


@pytest.mark.parametrize(("kind", "file"), [("exim", "mainlog"), ("postfix", "mail.log")])
def test_a_log_begins_with_the_day_it_starts_on_and_reaches_up_to_now(tmp_path: Path, kind: str, file: str) -> None:
    grown(tmp_path, NOON + 100.9, kind=kind)
    assert content(tmp_path) == {file: expected(kind, NOON - 12 * HOUR, NOON + 100)}


def test_nothing_is_there_before_it_starts(tmp_path: Path) -> None:
    assert content(grown(tmp_path, NOON - DAY)) == {}


@pytest.mark.parametrize("kind", FORMATS)
def test_days_become_rotated_files_and_older_ones_are_packed(tmp_path: Path, kind: str) -> None:
    base = "mainlog" if kind == "exim" else "mail.log"
    found = content(grown(tmp_path, NOON + 2 * DAY, kind=kind))
    midnight = NOON - 12 * HOUR
    assert found == {
        base: expected(kind, midnight + 2 * DAY, NOON + 2 * DAY),
        f"{base}.1": expected(kind, midnight + DAY, midnight + 2 * DAY),
        f"{base}.2.gz": expected(kind, midnight, midnight + DAY),
    }


@pytest.mark.slow
@pytest.mark.parametrize("kind", FORMATS)
def test_a_log_that_grew_in_steps_is_the_one_that_was_written_at_once(tmp_path: Path, kind: str) -> None:
    steps = [NOON + 1, NOON + 7 * HOUR + 7, NOON + 12 * HOUR, NOON + 12 * HOUR + 40, NOON + 3 * DAY, NOON + 4 * DAY]
    whole = grown(tmp_path / "whole", steps[-1], kind=kind)
    assert content(grown(tmp_path / "steps", *steps, kind=kind)) == content(whole)


@pytest.mark.slow
def test_fourteen_rotated_files_are_kept(tmp_path: Path) -> None:
    names = set(content(grown(tmp_path, NOON, NOON + 20 * DAY)))
    assert names == {"mainlog", "mainlog.1", *(f"mainlog.{age}.gz" for age in range(2, 15))}


@pytest.mark.slow
@pytest.mark.parametrize("days", [5, 70])
@pytest.mark.parametrize("kind", FORMATS)
def test_after_days_of_rest_a_log_is_the_one_that_was_written_at_once(tmp_path: Path, kind: str, days: int) -> None:
    again = grown(tmp_path / "again", NOON + 2 * DAY, NOON + days * DAY, kind=kind)
    assert content(again) == content(grown(tmp_path / "anew", NOON + days * DAY, kind=kind))


def test_files_have_the_time_of_their_last_line(tmp_path: Path) -> None:
    grown(tmp_path, NOON + 2 * DAY + 5)
    midnight = NOON - 12 * HOUR
    times = {name: (tmp_path / name).stat().st_mtime for name in content(tmp_path)}
    assert times == {"mainlog": NOON + 2 * DAY + 5, "mainlog.1": midnight + 2 * DAY, "mainlog.2.gz": midnight + DAY}


def test_where_nothing_is_due_no_file_is_touched(tmp_path: Path) -> None:
    grown(tmp_path, NOON + 3 * DAY)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    grown(tmp_path, NOON + 3 * DAY + 0.5)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("kind", FORMATS)
def test_a_clock_that_went_back_changes_nothing(tmp_path: Path, kind: str) -> None:
    before = content(grown(tmp_path, NOON + 3 * DAY, kind=kind))
    assert content(grown(tmp_path, NOON + DAY, NOON + 2 * DAY + 1, kind=kind)) == before


@pytest.mark.parametrize("kind", FORMATS)
def test_midnight_is_that_of_the_time_zone_also_when_its_clock_is_set_back(tmp_path: Path, kind: str) -> None:
    midnight = int(datetime(2026, 10, 24, 22, tzinfo=UTC).timestamp())  # Berlin: a day of 25 hours begins
    timezone = "Europe/Berlin"
    grown(tmp_path, midnight + 25 * HOUR + 60, kind=kind, start=midnight, timezone=timezone)
    rotated = content(tmp_path)["mainlog.1" if kind == "exim" else "mail.log.1"]
    assert rotated == expected(kind, midnight, midnight + 25 * HOUR, timezone)


def test_what_was_cut_off_is_completed(tmp_path: Path) -> None:
    whole = content(grown(tmp_path, NOON))
    for cut in (1, 30, 999):
        os.truncate(tmp_path / "mainlog", len(whole["mainlog"]) - cut)
        assert content(grown(tmp_path, NOON)) == whole


@pytest.mark.parametrize(
    "damage", [b"", b"no gzip", gzip.compress(b"x" * 1000, mtime=0)[:15], gzip.compress(b"other", mtime=0)]
)
def test_a_packed_file_that_is_damaged_is_made_anew(tmp_path: Path, damage: bytes) -> None:
    whole = content(grown(tmp_path, NOON + 2 * DAY))
    (tmp_path / "mainlog.2.gz").write_bytes(damage)
    assert content(grown(tmp_path, NOON + 2 * DAY)) == whole


@pytest.mark.slow
def test_several_may_write_at_once(tmp_path: Path) -> None:
    times = [NOON + DAY * number / 3 for number in range(10)]
    with ThreadPoolExecutor(5) as several:
        assert all(several.map(lambda now: grown(tmp_path / "several", now), times))
    assert content(grown(tmp_path / "several", times[-1])) == content(grown(tmp_path / "one", times[-1]))


class Killed(BaseException):
    """Ends everything, as a kill does."""


@contextmanager
def killed_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let a process die before one of its changes of files."""
    left = [steps]

    def counting(function: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **named: object) -> object:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return function(*arguments, **named)

        return call

    with monkeypatch.context() as patch:
        for owner, name in ((Path, "rename"), (Path, "unlink"), (Path, "write_bytes"), (os, "replace"), (os, "utime")):
            patch.setattr(owner, name, counting(getattr(owner, name)))
        yield


def hourly_lines(_name: str, _kind: str, first: int, end: int, _timezone: str, **_: object) -> Iterator[str]:
    """A line an hour, made at once."""
    for time in range(first, end, HOUR):
        yield f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} Start queue run: pid={time}"


def test_a_kill_between_any_two_steps_leaves_what_the_next_completes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "lines", hourly_lines)
    last = NOON + 16 * DAY
    wanted = content(grown(tmp_path / "undisturbed", NOON + 15 * DAY, last))
    kills = 0
    for steps in range(100):
        where = grown(tmp_path / f"{steps}", NOON + 15 * DAY)
        try:
            with killed_after(steps, monkeypatch):
                grown(where, last)
        except Killed:
            kills += 1
            assert content(grown(where, last)) == wanted
        else:
            break
    assert kills > 15
