"""Hours of real journals, read by the real journalctl."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.model.event import ReadRange
from mailevents_dagster.sources.maillog.journal import ServerJournal, open_journal
from mailevents_dagster_tests.sources.maillog.journal.journals import (
    HOUR,
    NOON,
    WRITER,
    Logged,
    access,
    one_hour,
    opened,
    taken,
    texts,
    write,
)

pytestmark = pytest.mark.programs


def numbered(*times: float) -> list[Logged]:
    return [Logged(at, f"no. {number}") for number, at in enumerate(times)]


def test_an_hour_has_the_lines_of_its_units_that_were_taken_in_it(tmp_path: Path) -> None:
    edge = NOON + HOUR
    write(tmp_path, numbered(NOON - 0.000001, NOON, edge - 0.000001, edge, edge + 1))
    write(tmp_path, [Logged(NOON + 5, "of another", unit="sshd.service")], "other")
    lines, found = one_hour(access(tmp_path))
    assert lines == ["no. 1", "no. 2"]
    assert found.is_whole
    assert found.is_proven
    assert not found.gaps


def test_lines_are_those_that_rsyslog_writes(tmp_path: Path) -> None:
    messages = ["plain", "größer", b"bad\xff", "two\nlines", b"nul\x00in", "x" * 5000, ""]
    write(tmp_path, [Logged(NOON + number, message) for number, message in enumerate(messages)])
    for journal in opened(access(tmp_path)):
        found = taken(journal.hour(NOON, NOON + HOUR, []))
    stamps = [f"2026-11-20T12:00:0{second}.000000+00:00" for second in (0, 1, 2, 3, 3, 4, 5, 6)]
    said = ["plain", "größer", "badÿ", "two", "lines", "nul\x00in", "x" * 5000, ""]
    assert found == [
        (NOON + int(stamp[18]), f"{stamp} mx1 postfix/smtpd[123]: {text}")
        for stamp, text in zip(stamps, said, strict=True)
    ]


def test_units_may_be_patterns_and_several(tmp_path: Path) -> None:
    units = ("postfix@-.service", "postfix@out.service", "exim4.service", "ssh.service")
    write(tmp_path, [Logged(NOON + number, unit, unit=unit) for number, unit in enumerate(units)])
    assert one_hour(access(tmp_path, "postfix@*.service", "exim4.service"))[0] == list(units[:3])


def test_a_pattern_that_no_unit_matches_is_told(tmp_path: Path) -> None:
    write(tmp_path, numbered(NOON, NOON + 2 * HOUR))
    lines, found = one_hour(access(tmp_path, "postfux@*.service"))
    assert lines == []
    assert "postfux@*.service" in found.notes[0]


@settings(max_examples=25)
@given(st.lists(st.integers(-HOUR, 5 * HOUR), min_size=1, max_size=40), st.integers(1, 3), st.randoms())
def test_each_entry_is_in_just_one_hour(
    tmp_path_factory: pytest.TempPathFactory, offsets: list[int], files: int, random: Random
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    entries = numbered(*[NOON - HOUR, *(NOON + offset for offset in sorted(offsets)), NOON + 6 * HOUR])
    for file in range(files):
        write(folder, entries[file::files], f"file{file}")
    hours = range(NOON - HOUR, NOON + 6 * HOUR, HOUR)
    apart = [text for first in hours for text in one_hour(access(folder), first)[0]]
    assert sorted(apart) == sorted(one.message for one in entries[:-1])
    for journal in opened(access(folder)):
        in_one_go = [text for first in hours for text in texts(journal.hour(first, first + HOUR, []))]
    assert in_one_go == apart


def test_hours_one_after_the_other_are_read_once(tmp_path: Path) -> None:
    write(tmp_path, numbered(*range(NOON, NOON + 6 * HOUR, 60)))
    found, lines = [], []
    for journal in opened(access(tmp_path)):
        for first in range(NOON, NOON + 6 * HOUR, HOUR):
            found.append(journal.hour(first, first + HOUR, []))
            lines.append(len(texts(found[-1])))
    whole = one_hour(access(tmp_path), NOON + 5 * HOUR)[1].measures["bytes_read"]
    assert lines == [60] * 6
    assert sum(one.measures["bytes_read"] for one in found) <= 6.1 * whole


def test_hours_with_more_than_is_kept_are_whole_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_journal, "MOST_KEPT", 3)
    write(tmp_path, numbered(*range(NOON, NOON + 4 * HOUR, 60)))
    for journal in opened(access(tmp_path)):
        hours = range(NOON, NOON + 4 * HOUR, HOUR)
        assert [len(texts(journal.hour(first, first + HOUR, []))) for first in hours] == [60] * 4


def test_what_is_open_is_opened_again_when_it_is_no_longer_new(journal: Path) -> None:
    write(journal, numbered(NOON, NOON + HOUR, NOON + HOUR + 1))
    now = NOON + HOUR + 2.0
    reading = ServerJournal(access(), lambda: now)
    assert texts(reading.hour(NOON, NOON + HOUR, [])) == ["no. 0"]
    write(journal, [Logged(NOON + HOUR + 30, "new")])
    now += 90
    assert texts(reading.hour(NOON + HOUR, NOON + 2 * HOUR, [])) == ["no. 1", "no. 2", "new"]
    reading.close()


@pytest.mark.slow
def test_a_writer_that_never_stops_is_followed_without_loss_or_repetition(journal: Path) -> None:
    write(journal, [Logged(NOON - 1)])
    entries = [Logged(NOON + number / 10, f"{number}") for number in range(20_000)]
    hour, lines = Collected(), []
    command = [WRITER, "--output", str(journal / "system.journal"), "-"]
    readings = 0
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL) as writer:
        assert writer.stdin
        for start in range(0, len(entries), 500):
            writer.stdin.write(b"".join(one.export for one in entries[start : start + 500]))
            writer.stdin.flush()
            found = hour.lines(NOON + HOUR - 1)
            lines = [*found] if hour.found.is_whole else lines + found
            assert not hour.found.gaps
            readings += bool(found)
    lines += hour.lines(NOON + HOUR - 1)
    assert readings > 1
    assert lines == [one.message for one in entries]


def test_entries_that_follow_a_wrong_clock_are_in_their_hour(tmp_path: Path) -> None:
    wrong = [Logged(NOON + 3 * HOUR + second, "wrong", uptime=second, boot="c") for second in range(0, 60, 20)]
    right = [Logged(NOON + 1200 + second, f"{second}", uptime=60 + second, boot="c") for second in (1, 1000, 2000)]
    later = [Logged(NOON + HOUR + second, "later", uptime=5000 + second, boot="c") for second in range(0, 1300, 100)]
    write(tmp_path, [Logged(NOON + 1, "before"), *wrong, *right, *later])
    assert one_hour(access(tmp_path))[0] == ["before", "1", "1000", "2000"]


class Collected:
    """The hour at noon of the journal of this machine: what was collected of it, and what its manifest holds."""

    def __init__(self) -> None:
        self.held: Sequence[ReadRange] = ()

    def lines(self, now: float) -> list[str]:
        lines, self.found = one_hour(access(), held=self.held, now=now)
        self.held = self.found.ranges
        return lines


@pytest.mark.parametrize(
    "clock",
    [
        pytest.param([(2, "c", 0), (1, "c", 100), (2, "c", 200), (2, "c", 700), (1, "c", 710)], id="to and fro"),
        pytest.param([(2, "c", 5), (2, "d", 700), (1, "d", 710)], id="over two starts"),
    ],
)
def test_a_clock_that_goes_wrong_twice_hides_nothing(tmp_path: Path, clock: list[tuple[int, str, int]]) -> None:
    entries = [
        Logged(NOON + hour * HOUR - HOUR + second, f"{hour}", uptime=uptime, boot=boot)
        for second, (hour, boot, uptime) in enumerate(clock)
    ]
    write(tmp_path, [Logged(NOON, "1"), *entries])
    assert one_hour(access(tmp_path))[0] == ["1"] * (1 + sum(hour == 1 for hour, _, _ in clock))


def test_what_came_since_is_read_behind_what_is_held(journal: Path) -> None:
    write(journal, numbered(NOON - 5, NOON, NOON + 1))
    hour = Collected()
    assert hour.lines(NOON + 10) == ["no. 1", "no. 2"]
    for count in (2, 0, 1):
        write(journal, [Logged(NOON + 60, f"new {count}")] * count)
        assert hour.lines(NOON + 70) == [f"new {count}"] * count
        assert not hour.found.is_whole
        assert not hour.found.is_proven
    write(journal, [Logged(NOON + HOUR - 1, "last"), Logged(NOON + HOUR, "next")])
    assert hour.lines(NOON + HOUR) == ["last"]
    assert hour.found.is_proven
    assert [replace(one, file="") for one in hour.held] == [
        ReadRange("", "the journal of this machine", NOON * 1_000_000, (NOON + HOUR) * 1_000_000, 6, 0, 0)
    ]


def test_following_an_hour_reads_each_entry_once(journal: Path) -> None:
    write(journal, numbered(NOON - 5))
    hour, following = Collected(), []
    for minute in range(1, 60):
        write(journal, numbered(*range(NOON + 60 * minute - 60, NOON + 60 * minute)))
        assert len(hour.lines(NOON + 60 * minute)) == 60
        following.append(hour.found.measures["bytes_read"])
    _, at_once = one_hour(access())
    assert sum(following) <= 1.05 * at_once.measures["bytes_read"]


def test_where_the_last_entry_is_gone_the_hour_is_read_whole(journal: Path) -> None:
    write(journal, numbered(NOON - 5, NOON, NOON + 1))
    hour = Collected()
    hour.lines(NOON + 10)
    (journal / "system.journal").unlink()
    write(journal, numbered(NOON - 5, NOON, NOON + 1, NOON + 2))
    assert hour.lines(NOON + 20) == ["no. 1", "no. 2", "no. 3"]
    assert hour.found.is_whole
    assert hour.held[0].lines == 3


def test_a_cursor_that_is_none_is_no_harm(journal: Path) -> None:
    write(journal, numbered(NOON - 5, NOON))
    hour = Collected()
    hour.held = [ReadRange("rubbish", "", NOON * 1_000_000, NOON * 1_000_000 + 1, 1, 0, 0)]
    assert hour.lines(NOON + 5) == ["no. 1"]
    assert hour.found.is_whole


def test_an_hour_that_was_read_to_its_end_is_not_read_again_soon_but_checked_later(journal: Path) -> None:
    write(journal, numbered(NOON - 5, NOON, NOON + HOUR))
    hour = Collected()
    hour.lines(NOON + HOUR + 5)
    held = hour.held
    assert hour.lines(NOON + HOUR + 600) == []
    assert (hour.found.is_whole, hour.found.is_proven, hour.held) == (False, True, held)
    assert hour.lines(NOON + 3 * HOUR) == ["no. 1"]
    assert (hour.found.is_whole, hour.held) == (True, held)


def test_a_folder_of_files_is_read_whole_each_time(tmp_path: Path) -> None:
    write(tmp_path, numbered(NOON - 5, NOON))
    _, found = one_hour(access(tmp_path))
    write(tmp_path, [Logged(NOON + 1, "copied later")], "late")
    lines, again = one_hour(access(tmp_path), held=found.ranges)
    assert lines == ["no. 1", "copied later"]
    assert again.is_whole


def test_an_hour_that_a_folder_does_not_reach_beyond_is_not_proven(tmp_path: Path) -> None:
    write(tmp_path, numbered(NOON - 5, NOON))
    _, found = one_hour(access(tmp_path))
    assert not found.is_proven
    assert "the hour may go on" in found.notes[0]
    write(tmp_path, [Logged(NOON + HOUR, "of anything", unit="cron.service")])
    assert one_hour(access(tmp_path))[1].is_proven
