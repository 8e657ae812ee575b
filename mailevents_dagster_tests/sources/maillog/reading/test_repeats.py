"""mail.warn and mail.err repeat lines of mail.log: each line counts as often as in the log that has it most often."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.maillog.hour_lines import Lines
from mailevents_dagster.sources.maillog.reading.repeats import Repeats
from mailevents_dagster_tests.sources.maillog.reading.server import HOUR, NOON, GrowingLog, Reader, exim, reader, syslog


def lines(texts: list[str]) -> Lines:
    return Lines(pa.array(texts, pa.string()), np.zeros(len(texts), np.int64))


@given(st.lists(st.lists(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=6), max_size=4), max_size=4))
def test_each_line_passes_as_often_as_it_is_in_the_log_that_has_it_most_often(logs: list[list[list[str]]]) -> None:
    repeats = Repeats()
    passed: Counter[str] = Counter()
    most: Counter[str] = Counter()
    for batches in logs:
        for batch in batches:
            new = repeats.is_new(lines(batch))
            passed.update(text for text, is_new in zip(batch, new, strict=True) if is_new)
        repeats.next_log()
        most |= Counter(text for batch in batches for text in batch)
    assert passed == most


def test_a_glob_that_takes_both_counts_no_line_twice(tmp_path: Path) -> None:
    log, warn = GrowingLog(tmp_path, "mail.log"), GrowingLog(tmp_path, "mail.warn")
    everything = [syslog(NOON - 5, "before"), *(syslog(NOON + number // 3, "x") for number in range(30))]
    log.write(*everything)
    warn.write(everything[0], *everything[1:30:4], syslog(NOON + 60, "here alone"))
    hours = Reader(f"{tmp_path}/mail.*", tmp_path / "index.json")
    (hour,) = hours.read(NOON)
    assert hour.is_whole
    assert hours.lines() == sorted([*everything[1:], syslog(NOON + 60, "here alone")])
    assert not hour.gaps
    assert sum(one.lines for one in hour.ranges) == 31
    repeated = [one for one in hour.ranges if one.name.endswith("mail.warn")]
    assert [(one.lines, one.other_lines) for one in repeated] == [(1, 8)]


def test_what_is_appended_to_both_counts_once(tmp_path: Path) -> None:
    log, warn = GrowingLog(tmp_path, "mail.log"), GrowingLog(tmp_path, "mail.warn")
    for one in (log, warn):
        one.write(syslog(NOON - 1, "before"), syslog(NOON, "x"))
    hours = Reader(f"{tmp_path}/mail.*", tmp_path / "index.json")
    hours.read(NOON)
    for one in (log, warn):
        one.write(syslog(NOON, "x"), syslog(NOON + HOUR, "later"))
    hours.read(NOON, NOON + HOUR)
    assert hours.lines() == [syslog(NOON, "x")] * 2
    assert hours.lines(NOON + HOUR) == [syslog(NOON + HOUR, "later")]


def test_where_nothing_was_appended_to_any_log_no_file_is_opened(tmp_path: Path) -> None:
    log, warn = GrowingLog(tmp_path, "mail.log"), GrowingLog(tmp_path, "mail.warn")
    log.write(syslog(NOON - 1, "before"), syslog(NOON, "x"), "", syslog(NOON + 1, "y"), "")
    warn.write(syslog(NOON, "x"))
    hours = Reader(f"{tmp_path}/mail.*", tmp_path / "index.json")
    hours.read(NOON)
    (hour,) = hours.read(NOON)
    assert (hour.measures["files_opened"], hour.is_whole) == (0, False)
    assert hours.lines() == [syslog(NOON, "x"), syslog(NOON + 1, "y")]


def test_a_copy_that_somebody_left_beside_the_log_counts_no_line_twice(tmp_path: Path) -> None:
    log = GrowingLog(tmp_path)
    log.write(exim(NOON - 1, "before"), exim(NOON, "x"), exim(NOON, "x"))
    (tmp_path / "mainlog.bak").write_bytes(log.path.read_bytes())
    (tmp_path / "mainlog~").write_bytes(log.path.read_bytes()[:-5])
    log.write(exim(NOON + 1, "y"))
    hours = reader(log)
    hours.read(NOON)
    assert hours.lines() == [exim(NOON, "x"), exim(NOON, "x"), exim(NOON + 1, "y")]
