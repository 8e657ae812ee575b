"""When the receiver ran: a small file in the spool, which it renews while it runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from mailevents_dagster.files.checksummed import read_value, write_sealed
from mailevents_dagster.files.damage import DamagedError, set_aside

FILE: Final = "running.json"
BEAT_SECONDS: Final = 10.0
"""How often the file is renewed."""
TOLERATED: Final = 60.0
"""Seconds without a beat that are no outage: a restart takes some, and a busy machine is late."""
MOST: Final = 10_000
"""Times that are remembered; the oldest are forgotten first."""

Time = tuple[float, float]
"""From the first beat to the last, in Unix seconds."""


def read_uptime(folder: Path) -> list[Time]:
    """Return when the receiver ran, oldest first; DamagedError where the file is not as it was written."""
    return read_value(folder / FILE, _times_of, "is not a list of times") or []


def _times_of(content: dict[str, Any]) -> list[Time]:
    return [(float(first), float(last)) for first, last in content["ran"]]


class Uptime:
    """Says of a spool that the receiver runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._times: list[Time] = []

    def begin(self, now: float) -> str:
        """Note that it begins to run; return what was found damaged."""
        said = ""
        try:
            self._times = read_uptime(self._folder)
        except DamagedError as error:
            said = f"{error}. It was set aside as {set_aside(self._folder / FILE)}; when it ran is forgotten."
        if not self._times or not 0 <= now - self._times[-1][1] <= TOLERATED:
            self._times.append((now, now))
        self.beat(now)
        return said

    def beat(self, now: float) -> None:
        """Note that it still runs. A clock that was put back makes no time undone."""
        first, last = self._times[-1]
        self._times[-1] = first, max(last, now)
        write_sealed(self._folder / FILE, {"ran": self._times[-MOST:]})


def is_running(times: Sequence[Time], now: float) -> bool:
    return bool(times) and now - times[-1][1] <= TOLERATED


def outages(times: Sequence[Time], now: float) -> Iterator[Time]:
    """Yield when the receiver did not run, since it did first and up to now."""
    ends = [*(first for first, _ in times[1:]), now]
    for (_, last), end in zip(times, ends, strict=False):
        if end - last > TOLERATED:
            yield last, end
