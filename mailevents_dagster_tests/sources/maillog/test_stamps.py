"""Times of log lines: Exim's, syslog's without a year, RFC 3339; over New Year, leap days and changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.maillog.stamps import Stamps, is_without_year, time_of

LATEST = datetime(2026, 11, 30, 12, tzinfo=UTC).timestamp()


def times(
    *lines: bytes | str, zone: str = "UTC", before: int | None = None, latest: float = LATEST
) -> list[str] | None:
    """The times of lines, in UTC as people write them; None where none can be told."""
    raws = [line.encode() if isinstance(line, str) else line for line in lines]
    starts = np.cumsum([0, *(len(raw) + 1 for raw in raws)])[:-1]
    found = Stamps(zone).times(np.frombuffer(b"\n".join([*raws, b""]), np.uint8), starts, before, latest)
    return None if found is None else [f"{datetime.fromtimestamp(int(one), UTC):%Y-%m-%d %H:%M:%S}" for one in found]


def seconds(text: str) -> int:
    return int(datetime.fromisoformat(f"{text}+00:00").timestamp())


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2026-11-29 23:01:40 1vPabc-00000001abc-1234 <= a@example.com", "2026-11-29 20:01:40"),
        ("2026-11-29 23:01:40.123 1vPabc <= a@example.com", "2026-11-29 20:01:40"),
        ("2026-11-29 23:01:40 +0100 1vPabc <= a@example.com", "2026-11-29 22:01:40"),
        ("2026-11-29 23:01:40.123 -0330 1vPabc <= a@example.com", "2026-11-30 02:31:40"),
        ("2026-11-29 23:01:40 [4711] 1vPabc <= a@example.com", "2026-11-29 20:01:40"),
        ("2026-11-29 23:01:40 +0000 [4711] 1vPabc", "2026-11-29 23:01:40"),
        ("2026-11-29 23:01:40", "2026-11-29 20:01:40"),
        ("Nov 29 23:01:40 mx1 postfix/smtp[1]: x", "2026-11-29 20:01:40"),
        ("Nov  9 23:01:40 mx1 postfix/smtp[1]: x", "2026-11-09 20:01:40"),
        ("2026-11-29T23:01:40.123456+03:00 mx1 postfix/smtp[1]: x", "2026-11-29 20:01:40"),
        ("2026-11-29T23:01:40+03:00 mx1 x", "2026-11-29 20:01:40"),
        ("2026-11-29T20:01:40.123456Z mx1 x", "2026-11-29 20:01:40"),
        ("2026-11-29T20:01:40Z mx1 x", "2026-11-29 20:01:40"),
        ("2026-11-29T23:01:40 mx1 x", "2026-11-29 20:01:40"),
        (b"\0\0\0\0002026-11-29 23:01:40 behind zeros", "2026-11-29 20:01:40"),
        ("2026-06-30 23:59:60 a second more", "2026-06-30 21:00:00"),
    ],
)
def test_each_way_to_write_a_time_is_read(line: str | bytes, expected: str) -> None:
    assert times(line, zone="Europe/Istanbul") == [expected]


@pytest.mark.parametrize(
    "line",
    [
        "",
        "2026",
        "2026-13-01 00:00:00 x",
        "2026-02-29 00:00:00 x",
        "2026-11-31 00:00:00 x",
        "2026-11-29 24:00:00 x",
        "2026-11-29 23:60:00 x",
        "0001-11-29 23:00:00 x",
        "9999-11-29 23:00:00 x",
        "2026-11-29x23:01:40 x",
        "Nov 32 23:01:40 x",
        "Nov 00 23:01:40 x",
        "Nof 29 23:01:40 x",
        "nov 29 23:01:40 x",
        "Nov 2x 23:01:40 x",
        "  2026-11-29 23:01:40 folded",
        "\x00\x00\x00",
        "٢٠٢٦-11-29 23:01:40",
    ],
)
def test_what_is_no_time_has_that_of_the_line_before(line: str) -> None:
    assert times("2026-11-20 10:00:00 x", line) == ["2026-11-20 10:00:00"] * 2
    assert times(line, before=seconds("2026-11-20 10:00:00")) == ["2026-11-20 10:00:00"]
    assert times(line) is None
    assert time_of(line, 0) is None


def test_lines_without_a_time_at_the_very_beginning_have_that_of_the_first_that_has_one() -> None:
    assert times("x", "y", "2026-11-20 10:00:00 x", "z") == ["2026-11-20 10:00:00"] * 4


def test_a_time_cut_off_by_the_end_of_its_line_is_not_put_together_with_the_next_line() -> None:
    assert times("2026-11-20 10:00:00 x", "2026-11-2", "0 11:00:00 x") == ["2026-11-20 10:00:00"] * 3


def test_the_year_is_the_latest_that_puts_a_line_no_later_than_the_file() -> None:
    assert times("Nov 30 11:00:00 x") == ["2026-11-30 11:00:00"]
    assert times("Dec  1 11:00:00 x") == ["2026-12-01 11:00:00"]  # clocks may differ by a day
    assert times("Dec  2 11:00:00 x") == ["2025-12-02 11:00:00"]


def test_the_year_grows_with_the_order_of_lines_over_new_year() -> None:
    lines = ["Dec 31 23:59:59 x", "Jan  1 00:00:00 x", "Dec 31 23:59:59 late", "Jan  1 00:00:02 x"]
    years = [time[:4] for time in times(*lines, latest=seconds("2027-01-01 00:00:03")) or []]
    assert years == ["2026", "2027", "2026", "2027"]


def test_the_year_goes_on_from_the_line_before() -> None:
    before = seconds("2024-12-31 23:59:58")
    assert times("Dec 31 23:59:59 x", before=before) == ["2024-12-31 23:59:59"]
    assert times("Jan  1 00:00:00 x", before=before) == ["2025-01-01 00:00:00"]
    assert times("Nov 20 00:00:00 x", "Feb  1 00:00:00 x", before=before) == [
        "2025-11-20 00:00:00",
        "2026-02-01 00:00:00",
    ]


def test_a_clock_that_was_set_back_does_not_begin_another_year() -> None:
    assert times("Nov 29 10:00:00 x", "Oct  1 00:00:00 x", "Nov 29 10:00:03 x") == [
        "2026-11-29 10:00:00",
        "2026-10-01 00:00:00",
        "2026-11-29 10:00:03",
    ]


def test_a_leap_day_is_in_a_leap_year() -> None:
    assert times("Feb 29 10:00:00 x") == ["2024-02-29 10:00:00"]
    assert times(
        "Feb 28 10:00:00 x", "Feb 29 10:00:00 x", "Mar  1 10:00:00 x", latest=seconds("2028-03-02 00:00:00")
    ) == [
        "2028-02-28 10:00:00",
        "2028-02-29 10:00:00",
        "2028-03-01 10:00:00",
    ]


def test_an_hour_that_the_clock_shows_twice_is_told_apart_by_order() -> None:
    lines = ["02:10:00", "02:59:59", "02:59:58", "02:00:01", "02:30:00", "02:59:30", "03:00:00"]
    assert times(*(f"2026-10-25 {clock} x" for clock in lines), zone="Europe/Berlin") == [
        "2026-10-25 00:10:00",
        "2026-10-25 00:59:59",
        "2026-10-25 00:59:58",
        "2026-10-25 01:00:01",
        "2026-10-25 01:30:00",
        "2026-10-25 01:59:30",
        "2026-10-25 02:00:00",
    ]
    second = seconds("2026-10-25 01:10:00")
    assert times("2026-10-25 02:20:00 x", zone="Europe/Berlin", before=second) == ["2026-10-25 01:20:00"]
    assert times("Oct 25 02:20:00 x", zone="Europe/Berlin", before=second) == ["2026-10-25 01:20:00"]


def test_a_time_that_the_clock_never_shows_is_counted_on_from_before_the_change() -> None:
    lines = [f"2026-03-29 {clock} x" for clock in ("01:59:59", "02:30:00", "03:30:01")]
    expected = ["2026-03-29 00:59:59", "2026-03-29 01:30:00", "2026-03-29 01:30:01"]
    assert times(*lines, zone="Europe/Berlin") == expected


@pytest.mark.slow
@given(
    st.lists(st.integers(seconds("1990-01-01 00:00:00"), seconds("2090-01-01 00:00:00")), min_size=1).map(sorted),
    st.sampled_from(["UTC", "Europe/Istanbul", "America/St_Johns", "Australia/Lord_Howe", "Asia/Kathmandu"]),
)
def test_dated_stamps_of_any_zone_are_read_as_python_does(moments: list[int], zone: str) -> None:
    local = [datetime.fromtimestamp(moment, ZoneInfo(zone)) for moment in moments]
    expected = [f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}" for moment in moments]
    assert times(*(one.isoformat() for one in local), zone=zone) == expected
    unclear = [one for one in local if one.replace(fold=0).utcoffset() != one.replace(fold=1).utcoffset()]
    if not unclear:
        assert times(*(f"{one:%Y-%m-%d %H:%M:%S}" for one in local), zone=zone) == expected


@given(st.lists(st.integers(0, 330 * 86_400), min_size=1, max_size=40))
def test_years_come_out_of_the_order_alone(pauses: list[int]) -> None:
    moments = np.cumsum([seconds("1999-12-25 00:00:00"), *pauses]).tolist()
    lines = [f"{(local := datetime.fromtimestamp(one, UTC)):%b} {local.day:2} {local:%H:%M:%S} x" for one in moments]
    latest = moments[-1]
    expected = [f"{datetime.fromtimestamp(one, UTC):%Y-%m-%d %H:%M:%S}" for one in moments]
    assert times(*lines, before=moments[0], latest=latest) == expected


@given(st.lists(st.binary(max_size=60).filter(lambda raw: b"\n" not in raw), min_size=1))
def test_rubbish_is_no_trouble(raws: list[bytes]) -> None:
    found = times(*raws, before=5)
    assert found is not None
    assert len(found) == len(raws)


def test_the_time_of_one_line_is_the_one_close_to_another_time_whatever_its_zone() -> None:
    near = seconds("2024-02-29 20:01:40")
    assert time_of("Feb 29 23:01:40 x", near) == near
    assert time_of("2024-02-29 23:01:40 x", near + 200) == near
    assert time_of("2024-02-29T23:01:40+03:00 x", 0) == near
    assert time_of("Dec 31 23:59:59 x", seconds("2027-01-01 00:00:00")) == seconds("2026-12-31 23:59:59")


def test_stamps_without_a_year_are_told_from_others() -> None:
    assert is_without_year("Nov 29 23:01:40 x")
    assert not is_without_year("2026-11-29 23:01:40 x")
    assert not is_without_year("x")
