"""Every: what is said now and then while long work goes on."""

from __future__ import annotations

import time


class Every:
    """Tells when so many seconds have gone by since it was made, or since it last said that they had."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._since = time.monotonic()

    def has_passed(self) -> bool:
        """Return whether they have; if so, they are counted anew."""
        if time.monotonic() - self._since < self._seconds:
            return False
        self._since = time.monotonic()
        return True
