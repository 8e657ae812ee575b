"""Turns: hours asked for one after the other and finished one after the other, each while the next is asked for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

THREADS: Final = 2
"""One asks, one finishes; a third would only wait."""


class Turns:
    """Gives threads their turns."""

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._finishing = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[Callable[[], None]]:
        """Waits for the turn to ask. What it hands out waits for the turn to finish, and lets the next one ask.

        That turn is waited for before the other is given away: nobody overtakes.
        """
        held = self._asking
        held.acquire()

        def finish() -> None:
            nonlocal held
            if held is self._asking:
                self._finishing.acquire()
                held = self._finishing
                self._asking.release()

        try:
            yield finish
        finally:
            held.release()

    def wait_for_finish(self) -> None:
        """Waits, with the turn to ask, until nobody finishes."""
        with self._finishing:
            pass
