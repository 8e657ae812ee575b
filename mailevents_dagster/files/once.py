"""Values of an object that are made when they are first asked for, by one thread while others wait.

`functools.cached_property` does not do: in Python 3.11 all objects of a class share its lock, so that one that waits
for a disk or an object store holds up all others.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class once(Generic[T]):  # noqa: N801 - is written as a decorator
    """A method whose value is kept like an attribute; deleting that makes it anew."""

    def __init__(self, make: Callable[[Any], T]) -> None:
        self.__doc__ = make.__doc__
        self._make = make
        self._name = make.__name__

    def __get__(self, instance: Any, owner: type) -> T:
        values = vars(instance)
        with values.setdefault(f"_making_{self._name}", threading.RLock()):
            if self._name not in values:
                values[self._name] = self._make(instance)
        made: T = values[self._name]
        return made
