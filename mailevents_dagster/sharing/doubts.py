"""Who seems to be gone, and since when: a moment without a sign of life is no proof."""

from __future__ import annotations

import time
from collections.abc import Callable, Set
from typing import Final

SURE_AFTER: Final = 30.0
"""Seconds. After a database or an object store was away, whoever lives shows itself in half of that."""


class Doubts:
    """Since when those who were looked at were found missing, by this process's clock."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since: dict[str, float] = {}

    def confirmed(self, missing: Set[str]) -> frozenset[str]:
        """Return those who are missing now and were found missing long enough ago; others begin anew."""
        now = self._clock()
        self._since = {name: self._since.get(name, now) for name in missing}
        return frozenset(name for name, since in self._since.items() if now - since >= SURE_AFTER)
