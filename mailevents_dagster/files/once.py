"""Values that are made when they are first asked for, by one thread while others wait.

`functools.cached_property` does not do: in Python 3.11 all objects of a class share its lock, so that one that waits
for a disk or an object store holds up all others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Once(Generic[T]):
    """One such value."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._making = threading.RLock()
        self._made: list[T] = []

    def __call__(self) -> T:
        if not self._made:
            with self._making:
                if not self._made:
                    self._made.append(self._make())
        return self._made[0]
