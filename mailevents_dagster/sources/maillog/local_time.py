"""Local times of one time zone as Unix times, many at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

Times = NDArray[np.int64]
FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 2105
"""Years outside of these are no readable times: no mail server wrote then."""
_DAY: Final = 86_400
_STEP: Final = 7 * _DAY
"""No zone changed its clock twice within a week since 1970."""


class LocalTime:
    """The clock on the wall of one time zone."""

    def __init__(self, zone: str) -> None:
        self._zone = ZoneInfo(zone)
        self._years = (0, 0)
        self._changes: Times = np.empty(0, np.int64)
        self._offsets: Times = np.empty(1, np.int64)
        """Before the first change, and from each one on."""

    def offset_at(self, time: int) -> int:
        """Return how far the local clock is ahead of UTC, in seconds."""
        local = datetime.fromtimestamp(time, self._zone)
        return int(local.replace(tzinfo=UTC).timestamp()) - time

    def unix(self, local: Times) -> tuple[Times, Times]:
        """Return the Unix times of local ones: the earlier and the later meaning, which are mostly the same.

        They differ where a clock that is set back shows a time twice. What it never shows, since it was set forward,
        is counted on from before the change.
        """
        if not len(local):
            return local, local
        self._look_at(int(local.min()) // (366 * _DAY) + 1969, int(local.max()) // (365 * _DAY) + 1971)
        before, after = self._offsets[:-1], self._offsets[1:]
        surely_after = np.searchsorted(self._changes + np.maximum(before, after), local, "right")
        perhaps_after = np.searchsorted(self._changes + np.minimum(before, after), local, "right")
        earlier = local - self._offsets[surely_after]
        later = local - self._offsets[perhaps_after]
        return earlier, np.maximum(earlier, later)

    def _look_at(self, first: int, last: int) -> None:
        """Find the changes of these years, and of those looked at before."""
        low, high = self._years
        if low <= first and last <= high:
            return
        first, last = (first, last) if low == high else (min(low, first), max(high, last))
        start = int(datetime(first, 1, 1, tzinfo=UTC).timestamp())
        end = int(datetime(last + 1, 1, 1, tzinfo=UTC).timestamp())
        times = range(start, end + _STEP, _STEP)
        offsets = [self.offset_at(time) for time in times]
        changed = [number for number in range(1, len(times)) if offsets[number] != offsets[number - 1]]
        self._changes = np.array([self._change_in(times[number - 1], times[number]) for number in changed], np.int64)
        self._offsets = np.array([offsets[0], *(offsets[number] for number in changed)], np.int64)
        self._years = (first, last)

    def _change_in(self, low: int, high: int) -> int:
        before = self.offset_at(low)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.offset_at(middle) == before else (low, middle)
        return high
