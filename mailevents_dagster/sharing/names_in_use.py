"""Names that threads of one process have in use, one thread each."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class NamesInUse:
    """Keeps threads apart where what keeps processes apart knows processes alone."""

    def __init__(self) -> None:
        self._names: set[str] = set()
        self._changed = threading.Condition()

    @contextmanager
    def using(self, name: str, when_used: Callable[[], object]) -> Iterator[None]:
        """Wait until no other thread uses the name, and use it during the block.

        `when_used` is called where another does; it is waited for unless that raises.
        """
        with self._changed:
            is_used = name in self._names
            if not is_used:
                self._names.add(name)
        if is_used:
            when_used()
            with self._changed:
                self._changed.wait_for(lambda: name not in self._names)
                self._names.add(name)
        try:
            yield
        finally:
            with self._changed:
                self._names.remove(name)
                self._changed.notify_all()
