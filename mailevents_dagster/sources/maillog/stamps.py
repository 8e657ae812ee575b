"""Times at the beginning of log lines, many lines at once: Exim's own, syslog's without a year, RFC 3339."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mailevents_dagster.sources.maillog.local_time import FIRST_YEAR, LAST_YEAR, LocalTime, Times

Bytes = NDArray[np.uint8]
Rows = NDArray[np.int64]
"""Numbers of lines."""
LONGEST: Final = 48
"""No stamp is longer, with a fraction and a zone."""
UNREADABLE: Final = np.iinfo(np.int64).min
_DAY: Final = 86_400
_MONTH: Final = 31 * _DAY
_QUARTER: Final = 900
"""Zones differ by quarters of an hour."""
_BEFORE_MONTH: Final = np.array([0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334])
_LENGTH: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
_NAMES: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"
_CODES: Final = np.array([int.from_bytes(_NAMES[at : at + 3].encode(), "big") for at in range(0, 36, 3)])
_BY_CODE: Final = np.argsort(_CODES)
_OUT_OF_ORDER: Final = 60
"""So many seconds may a line be older than the one before it, in the hour that a clock shows twice."""


@dataclass(frozen=True, slots=True, eq=False)
class _Dated:
    """Lines whose stamp has a year; `seconds` are Unix time where it names a zone, local time elsewhere."""

    rows: Rows
    seconds: Times
    has_zone: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class _Undated:
    """Lines whose stamp has no year."""

    rows: Rows
    month: Times
    day: Times
    second: Times
    """Of the day."""

    def local(self, years: Times) -> Times:
        return _days(years, self.month, self.day) * _DAY + self.second


class Stamps:
    """How the times of a server's lines are read: those that name no zone are of this one."""

    def __init__(self, zone: str) -> None:
        self._clock = LocalTime(zone)

    def times(self, data: Bytes, starts: Rows, before: int | None, latest: float) -> Times | None:
        """Return the time of each line; None where no line has one to read, and there is no line before.

        `before` is the time of the line before these. No year is chosen that puts a line more than a day behind
        `latest`. A line without a time has that of the line before it, or of the first that has one.
        """
        earlier, later = self.meanings(data, starts, before, latest)
        if not np.array_equal(earlier, later):
            _tell_apart(earlier, later, before)
        return _filled(earlier, before)

    def meanings(self, data: Bytes, starts: Rows, before: int | None, latest: float) -> tuple[Times, Times]:
        """Return the earlier and the later time that each stamp can mean: a clock that is set back shows some twice.

        They are UNREADABLE where there is no stamp.
        """
        earlier = np.full(len(starts), UNREADABLE)
        data, at = _with_room(data, starts)
        dated, undated = _read_dated(data, at), _read_undated(data, at)
        earlier[dated.rows] = dated.seconds
        local = dated.rows[~dated.has_zone]
        if len(undated.rows):
            earlier[undated.rows] = undated.local(self._years(undated, before, latest))
            local = np.union1d(local, undated.rows)
        later = earlier.copy()
        earlier[local], later[local] = self._clock.unix(earlier[local])
        return earlier, later

    def _years(self, lines: _Undated, before: int | None, latest: float) -> Times:
        """Return the year of each line, from their order: it grows where a month comes before that of the last line."""
        limit = int(latest) + self._clock.offset_at(int(latest)) + _DAY
        first = _Undated(*(column[:1] for column in (lines.rows, lines.month, lines.day, lines.second)))
        if before is None:
            year = _year_of(limit)
        else:
            local = before + self._clock.offset_at(before) - _MONTH
            year = _year_of(local)
            if int(first.local(np.array([year]))[0]) < local:
                year += 1
        steps = np.diff((lines.month - 1) * 31 + lines.day)
        turns = np.concatenate([[0], np.cumsum(steps < -31) - np.cumsum(steps > 340)])
        years = year + turns.astype(np.int64)
        while (wrong := (lines.local(years) > limit) | (_is_leap_day(lines) & ~_is_leap(years))).any():
            years[wrong] -= 1
        return years


def time_of(line: str, near: int) -> int | None:
    """Return the time of one line, which is close to another time; None where it has none to read.

    Whatever zone it was written in: that is the one which puts it closest.
    """
    head = np.frombuffer(line[: 2 * LONGEST].encode("utf-8", "replace"), np.uint8)
    data, at = _with_room(head, np.zeros(1, np.int64))
    dated, undated = _read_dated(data, at), _read_undated(data, at)
    if len(dated.rows) and dated.has_zone[0]:
        return int(dated.seconds[0])
    if len(undated.rows):
        years = np.arange(-8, 9) + _year_of(near)
        years = years[_is_leap(years) | ~_is_leap_day(undated)[0]]
        local = undated.local(years)
        seconds = int(local[np.argmin(np.abs(local - near))])
    elif len(dated.rows):
        seconds = int(dated.seconds[0])
    else:
        return None
    return seconds - round((seconds - near) / _QUARTER) * _QUARTER if abs(seconds - near) < _DAY else seconds


def is_without_year(line: str) -> bool:
    """Return whether the line begins with a stamp that names no year."""
    head = np.frombuffer(line[: 2 * LONGEST].encode("utf-8", "replace"), np.uint8)
    return bool(len(_read_undated(*_with_room(head, np.zeros(1, np.int64))).rows))


def _with_room(data: Bytes, starts: Rows) -> tuple[Bytes, Rows]:
    """Return the bytes with as many behind them as a stamp may have, and where stamps begin: behind NULs."""
    data = np.concatenate([data, np.full(LONGEST, ord("\n"), np.uint8)])
    behind_zeros = data[starts] == 0
    if not behind_zeros.any():
        return data, starts
    others, at = np.flatnonzero(data), starts.copy()
    at[behind_zeros] = others[np.searchsorted(others, starts[behind_zeros])]
    return data, at


def _read_dated(data: Bytes, at: Rows) -> _Dated:
    """Read `2026-11-29 23:01:40.123 +0300` and `2026-11-29T23:01:40.123456+03:00`, both also without what follows."""
    rows = np.flatnonzero((data[at + 4] == ord("-")) & (data[at + 7] == ord("-")) & (data[at + 13] == ord(":")))
    at = at[rows]
    fields, good = _numbers(data, at, (0, 1, 2, 3), (5, 6), (8, 9), (11, 12), (14, 15), (17, 18))
    year, month, day, hour, minute, second = fields
    good &= ((data[at + 10] == ord(" ")) | (data[at + 10] == ord("T"))) & (data[at + 16] == ord(":"))
    good &= (year >= FIRST_YEAR) & (year <= LAST_YEAR) & _is_clock(hour, minute, second)
    good &= (month >= 1) & (month <= 12)
    month[~good] = 1
    good &= (day >= 1) & (day <= _LENGTH[month] + ((month == 2) & _is_leap(year)))
    rows, at = rows[good], at[good]
    year, month, day, hour, minute, second = (field[good] for field in fields)
    seconds = _days(year, month, day) * _DAY + hour * 3600 + minute * 60 + second
    ahead, has_zone = _read_zone(data, _behind_fraction(data, at + 19))
    return _Dated(rows, seconds - ahead, has_zone)


def _behind_fraction(data: Bytes, at: Rows) -> Rows:
    """Return where what follows `.123456` begins, if that is there."""
    inside = (data[at] == ord(".")) | (data[at] == ord(","))
    for _ in range(12):
        at = at + inside
        inside = inside & (data[at] - ord("0") <= 9)
        if not inside.any():
            break
    return at


def _read_zone(data: Bytes, at: Rows) -> tuple[Times, NDArray[np.bool_]]:
    """Return how far a zone written as `Z`, `+03:00` or ` +0300` is ahead of UTC, and whether one is there."""
    is_utc = data[at] == ord("Z")
    at = at + (data[at] == ord(" "))
    is_ahead, is_behind = data[at] == ord("+"), data[at] == ord("-")
    if not (is_ahead | is_behind).any():
        return np.zeros(len(at), np.int64), is_utc
    minutes_at = at + 3 + (data[at + 3] == ord(":"))
    (hours,), good_hours = _numbers(data, at, (1, 2))
    (minutes,), good_minutes = _numbers(data, minutes_at, (0, 1))
    good = (is_ahead | is_behind) & good_hours & good_minutes & (hours <= 24) & (minutes < 60)
    ahead = np.where(good, np.where(is_ahead, 1, -1) * (hours * 3600 + minutes * 60), 0)
    return ahead, is_utc | good


def _read_undated(data: Bytes, at: Rows) -> _Undated:
    """Read `Nov 29 23:01:40` and `Nov  9 23:01:40`."""
    rows = np.flatnonzero((data[at + 3] == ord(" ")) & (data[at + 6] == ord(" ")) & (data[at + 9] == ord(":")))
    at = at[rows]
    (tens, ones, hour, minute, second), good = _numbers(data, at, (), (5,), (7, 8), (10, 11), (13, 14))
    code = (data[at].astype(np.int64) << 16) + (data[at + 1].astype(np.int64) << 8) + data[at + 2]
    found = _BY_CODE[np.minimum(np.searchsorted(_CODES[_BY_CODE], code), 11)]
    month = np.where(_CODES[found] == code, found + 1, 0)
    tens = np.where(data[at + 4] == ord(" "), 0, data[at + 4].astype(np.int64) - ord("0"))
    day = tens * 10 + ones
    good &= (month > 0) & (tens >= 0) & (day >= 1) & (day <= _LENGTH[month] + (month == 2))
    good &= (data[at + 12] == ord(":")) & _is_clock(hour, minute, second)
    return _Undated(rows[good], month[good], day[good], (hour * 3600 + minute * 60 + second)[good])


def _numbers(data: Bytes, at: Rows, *places: tuple[int, ...]) -> tuple[list[Times], NDArray[np.bool_]]:
    """Return the numbers whose digits stand at these places of each line, and whether all are digits."""
    numbers, good = [], np.ones(len(at), bool)
    for digits in places:
        number = np.zeros(len(at), np.int64)
        for place in digits:
            digit = data[at + place] - ord("0")
            good &= digit <= 9
            number = number * 10 + digit
        numbers.append(number)
    return numbers, good


def _is_clock(hour: Times, minute: Times, second: Times) -> NDArray[np.bool_]:
    good: NDArray[np.bool_] = (hour < 24) & (minute < 60) & (second <= 60)
    return good


def _is_leap(year: Times) -> NDArray[np.bool_]:
    leap: NDArray[np.bool_] = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    return leap


def _is_leap_day(lines: _Undated) -> NDArray[np.bool_]:
    leap_day: NDArray[np.bool_] = (lines.month == 2) & (lines.day == 29)
    return leap_day


def _days(year: Times, month: Times, day: Times) -> Times:
    """Return the days since 1970-01-01."""
    past = year - 1
    leap_days = past // 4 - past // 100 + past // 400
    days: Times = (
        (year - 1970) * 365 + leap_days - 477 + _BEFORE_MONTH[month] + ((month > 2) & _is_leap(year)) + day - 1
    )
    return days


def _year_of(local: float) -> int:
    return datetime.fromtimestamp(local, UTC).year


def _tell_apart(earlier: Times, later: Times, before: int | None) -> None:
    """Choose between two meanings by order: the later one where the earlier would be long before the line before."""
    last = UNREADABLE if before is None else before
    for row in np.flatnonzero(earlier != UNREADABLE):
        if earlier[row] < last - _OUT_OF_ORDER:
            earlier[row] = later[row]
        last = int(earlier[row])


def _filled(times: Times, before: int | None) -> Times | None:
    readable = np.flatnonzero(times != UNREADABLE)
    if len(readable) == len(times):
        return times
    if not len(readable) and before is None:
        return None
    above = np.searchsorted(readable, np.arange(len(times)), "right") - 1
    first = int(times[readable[0]]) if before is None else before
    return np.where(above < 0, first, times[readable[np.maximum(above, 0)]] if len(readable) else first)
