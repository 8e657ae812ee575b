"""What the processes of this machine know together of a key's calls: six numbers. Impossible ones count as none."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields, replace
from typing import Final, TypeVar

from mailevents_dagster.sharing.number_places import Place, numbers_at

T = TypeVar("T")

LONGEST_PAUSE: Final = 30 * 86_400.0
"""Seconds; an API that says more is mistaken, and is asked again after so long."""
LONGEST_INTERVAL: Final = 3600.0
"""Seconds; far more than lie between two calls at the lowest rate that can be configured (one in 100 s)."""
SET_BACK: Final = 60.0
"""Seconds by which the clock of a database may be set back, and nothing is forgotten."""
FADES_IN: Final = 0.5
"""Seconds after which a call counts a third in the recent rate."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What is known of a key's calls. Times are those of a clock that all who share it have."""

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
            and self.slowed_at <= now + SET_BACK
            and 0 <= self.last_at <= now + SET_BACK
            and 0 <= self.slowed_to < math.inf
            and 0 <= self.lately < math.inf
        )


class SharedCalls:
    """The calls of a key, of all who share the place; without a place they are this object's own."""

    def __init__(self, place: Place | None, sleep: Callable[[float], object] = time.sleep) -> None:
        self._numbers = numbers_at(place, len(fields(Calls)), sleep)
        self.courtesy = self._numbers.courtesy

    def change(self, decide: Callable[[Calls, float], tuple[Calls | None, T]], *, may_be_forgotten: bool = False) -> T:
        """Have the calls changed and return what was decided; see `Numbers.change`."""

        def decided(numbers: Sequence[float] | None, now: float) -> tuple[Sequence[float] | None, T]:
            calls = Calls(*(numbers or ()))
            changed, result = decide(calls if calls.is_possible(now) else Calls(), now)
            return astuple(changed) if changed else None, result

        return self._numbers.change(decided, may_be_forgotten=may_be_forgotten)

    def close(self) -> None:
        self._numbers.close()
