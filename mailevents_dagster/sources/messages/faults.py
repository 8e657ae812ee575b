"""What is found to be broken in a message: each thing is said once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_MOST: Final = 50


class Faults:
    """Faults in the order in which they were found."""

    def __init__(self) -> None:
        self._found: dict[str, None] = {}

    def add(self, fault: str) -> None:
        if len(self._found) < _MOST:
            self._found[fault] = None

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)
