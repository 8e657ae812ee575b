"""How long to wait before a call is made again. Pure but for chance."""

from __future__ import annotations

import random
from typing import Final

LONGEST_BACKOFF: Final = 60.0
LONGEST_WAIT: Final = 900.0
"""Seconds that a collection waits for the end of a pause: as long as it keeps trying a call that fails.

A run that only waits holds its feeds and shows nothing; one that ends says until when, and the next begins then.
"""


def backoff(attempts: int) -> float:
    """Return the seconds to wait after so many attempts that failed: by chance, so that threads part."""
    return random.uniform(0, min(LONGEST_BACKOFF, 2.0 ** (attempts - 1)))  # noqa: S311 - it decides nothing secret


def pause(told: float | None, refusals: int) -> float:
    """Return the seconds to wait after so many refusals in a row; a server that keeps saying 0 is not asked at once."""
    own = min(LONGEST_BACKOFF, 2.0 ** min(refusals, 10))
    if told is None:
        return own
    return told if refusals == 1 else max(told, own / 4)
