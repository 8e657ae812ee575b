"""What a journal does not have is told: hours that are gone, messages that were dropped, files that are damaged."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mailevents_dagster.model.event import Gap
from mailevents_dagster.sources.maillog.journal.errors import JournalError
from mailevents_dagster_tests.sources.maillog.journal.journals import (
    HOUR,
    NOON,
    Logged,
    access,
    one_hour,
    opened,
    texts,
    write,
)

pytestmark = pytest.mark.programs
DROPPED = (
    ("MESSAGE_ID", "a596d6fe7bfa4994828e72309e95d61e"),
    ("N_DROPPED", "4711"),
    ("_UID", "0"),
    ("SYSLOG_IDENTIFIER", "systemd-journald"),
    ("OBJECT_SYSTEMD_UNIT", "postfix@-.service"),
)


def gaps_at(folder: Path, first: int = NOON) -> list[Gap]:
    return one_hour(access(folder), first)[1].gaps


def test_an_hour_before_the_oldest_entry_is_gone(tmp_path: Path) -> None:
    write(tmp_path, [Logged(NOON + HOUR, "of anything", unit="cron.service")])
    with pytest.raises(JournalError, match=r"up to 2026-11-20 13:00:00 UTC is gone: .* at 2026-11-20 13:00:00") as gone:
        one_hour(access(tmp_path))
    assert gone.value.hour_is_gone
    assert not gone.value.is_passing


def test_an_hour_without_a_line_is_empty_where_the_journal_reaches_around_it(tmp_path: Path) -> None:
    write(tmp_path, [Logged(at, "of anything", unit="cron.service") for at in (NOON, NOON + HOUR)])
    lines, found = one_hour(access(tmp_path))
    assert (lines, found.gaps, found.is_proven) == ([], [], True)


def test_an_hour_that_the_journal_begins_in_has_a_gap_before_that(tmp_path: Path) -> None:
    write(tmp_path, [Logged(NOON + 1501, "first"), Logged(NOON + 2 * HOUR)])
    lines, found = one_hour(access(tmp_path))
    assert lines == ["first"]
    assert [(gap.second, gap.end) for gap in found.gaps] == [(NOON, NOON + 1501)]
    assert "begins at 12:25:01 UTC" in found.gaps[0].why


def test_what_was_read_before_it_was_removed_is_no_gap(journal: Path) -> None:
    write(journal, [Logged(NOON - 1), Logged(NOON + 1, "first"), Logged(NOON + 1501, "second")])
    _, found = one_hour(access(), now=NOON + 1600)
    (journal / "system.journal").unlink()
    write(journal, [Logged(NOON + 1501, "second"), Logged(NOON + 1700, "third"), Logged(NOON + HOUR)])
    lines, again = one_hour(access(), held=found.ranges)
    assert (lines, again.gaps, again.ranges[0].first) == (["second", "third"], [], NOON * 1_000_000)
    (journal / "system.journal").unlink()
    write(journal, [Logged(NOON + 2 * HOUR)])
    lines, gone = one_hour(access(), held=again.ranges)
    assert (lines, gone.gaps, gone.ranges) == ([], [], again.ranges)


def test_users_whose_journals_are_older_do_not_make_an_hour_empty(journal: Path) -> None:
    write(journal, [Logged(NOON - 9 * HOUR)], "user-1000")
    write(journal, [Logged(NOON + HOUR)], "system")
    with pytest.raises(JournalError, match="is gone"):
        one_hour(access())


def test_what_journald_dropped_is_a_gap_since_the_line_before(tmp_path: Path) -> None:
    dropped = Logged(NOON + 90, "Suppressed 4711 messages from postfix@-.service", fields=DROPPED, unit="x.service")
    write(
        tmp_path, [Logged(NOON - 1), Logged(NOON + 50, "one"), dropped, Logged(NOON + 91, "two"), Logged(NOON + HOUR)]
    )
    lines, found = one_hour(access(tmp_path))
    assert lines == ["one", "Suppressed 4711 messages from postfix@-.service", "two"]
    assert [(gap.second, gap.seen, gap.end) for gap in found.gaps] == [(NOON + 50, 0, NOON + 91)]
    assert "dropped 4,711 messages" in found.gaps[0].why


def garbage(file: Path) -> None:
    with file.open("r+b") as content:
        content.write(b"no journal at all")


def cut(file: Path) -> None:
    os.truncate(file, 70_000)


@pytest.mark.parametrize(("damage", "said"), [(garbage, "corrupted"), (cut, "truncated")])
def test_a_damaged_file_is_a_gap_in_each_hour_that_it_may_hold(
    tmp_path: Path, damage: Callable[[Path], None], said: str
) -> None:
    write(tmp_path, [Logged(at) for at in range(NOON - 1, NOON + 4 * HOUR, 600)])
    write(tmp_path, [Logged(NOON + 7, "lost")], "damaged")
    damage(tmp_path / "damaged.journal")
    os.utime(tmp_path / "damaged.journal", (NOON + HOUR + 5, NOON + HOUR + 5))
    for first in (NOON, NOON + HOUR):
        (gap,) = gaps_at(tmp_path, first)
        assert (gap.second, gap.end) == (first, first + HOUR)
        assert said in gap.why
    _, later = one_hour(access(tmp_path), NOON + 2 * HOUR)
    assert later.gaps == []
    assert said in later.notes[0]


@pytest.mark.slow
def test_what_lies_behind_a_damaged_place_is_a_gap(tmp_path: Path) -> None:
    times = [NOON + number / 4 for number in range(2 * HOUR * 4)]
    write(
        tmp_path,
        [Logged(at, f"{number} {hashlib.sha512(b'%d' % number).hexdigest()}") for number, at in enumerate(times)],
    )
    with (tmp_path / "system.journal").open("r+b") as file:
        file.seek(5 * 2**20)
        file.write(bytes(2**20))
    lines, found = one_hour(access(tmp_path))
    assert 0 < len(lines) < 4 * HOUR
    shown = NOON + (len(lines) - 1) // 4
    assert [(gap.second, gap.end) for gap in found.gaps] == [(shown, NOON + HOUR)]
    assert "journalctl --verify" in found.gaps[0].why
    next_lines, next_found = one_hour(access(tmp_path), NOON + HOUR)
    assert len(next_lines) == 4 * HOUR or next_found.gaps


def test_lines_of_an_earlier_hour_that_come_too_late_are_kept_with_those_of_the_next(tmp_path: Path) -> None:
    wrong = [Logged(NOON + HOUR + second, "wrong", uptime=10 + second) for second in range(0, 1300, 100)]
    right = [Logged(NOON + 5, "right", uptime=1400), Logged(NOON + 3 * HOUR, uptime=9000)]
    write(tmp_path, [Logged(NOON, "before", uptime=1), *wrong, *right])
    for journal in opened(access(tmp_path)):
        assert texts(journal.hour(NOON, NOON + HOUR, [])) == ["before"]
        found = journal.hour(NOON + HOUR, NOON + 2 * HOUR, [])
        assert texts(found) == [*["wrong"] * len(wrong), "right"]
    assert "clock was set back: 1 line " in found.notes[0]
    assert found.ranges[0].lines == len(wrong)
