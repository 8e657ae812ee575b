"""What the processes of this machine know together of a key's calls: six numbers. Impossible ones count as none."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Final, Self

from mailevents_dagster.sources.shared_numbers import SharedNumbers

LONGEST_PAUSE: Final = 30 * 86_400.0
"""Seconds; an API that says more is mistaken, and is asked again after so long."""
LONGEST_INTERVAL: Final = 3600.0
"""Seconds; far more than lie between two calls at the lowest rate that can be configured (one in 100 s)."""
FADES_IN: Final = 0.5
"""Seconds after which a call counts a third in the recent rate."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What is known of a key's calls. Times are those of the monotonic clock, which all processes share."""

    next_at: float = 0.0
    """From when on the next call may go out."""
    paused_until: float = 0.0
    slowed_to: float = 0.0
    """Calls a second after the last refusal; zero where there was none."""
    slowed_at: float = -math.inf
    lately: float = 0.0
    """The recent calls, each counting less the longer ago it was."""
    last_at: float = 0.0

    def one_more(self, now: float, interval: float, catch_up: float) -> Calls:
        """Return this with a call that goes out now; if it is late, the next makes up for so many seconds at most."""
        next_at = max(self.next_at, now - catch_up) + interval
        return replace(self, next_at=next_at, lately=self._faded(now) + 1, last_at=now)

    def recent_rate(self, now: float) -> float:
        """Return how many calls a second went out recently."""
        return self._faded(now) / FADES_IN

    def _faded(self, now: float) -> float:
        return self.lately * math.exp((self.last_at - now) / FADES_IN)

    def is_possible(self, now: float) -> bool:
        """Return whether somebody can have written these numbers; NaN compares as false."""
        return (
            0 <= self.next_at <= now + LONGEST_INTERVAL
            and 0 <= self.paused_until <= now + LONGEST_PAUSE
            and self.slowed_at <= now
            and 0 <= self.last_at <= now
            and 0 <= self.slowed_to < math.inf
            and 0 <= self.lately < math.inf
        )


class BudgetFile:
    """The calls of a key; as a context manager it is this thread's alone. Without a path it is kept in memory."""

    def __init__(self, path: Path | None) -> None:
        self._numbers = SharedNumbers(path, len(fields(Calls)))

    def __enter__(self) -> Self:
        self._numbers.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._numbers.__exit__()

    def read(self, now: float) -> Calls:
        """Return what is known."""
        calls = Calls(*(self._numbers.read() or ()))
        return calls if calls.is_possible(now) else Calls()

    def write(self, calls: Calls) -> None:
        self._numbers.write(astuple(calls))

    def close(self) -> None:
        self._numbers.close()
