"""One lease: an object that whoever has it writes anew before its term is over, and that others watch."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

from upath import UPath

from mailevents_dagster.files.json_text import pretty
from mailevents_dagster.files.objects import ABSENT, ChangedError, Tag, read_tagged, remove, write_if

LOOKS: Final = 15
"""In a term, at a lease that another has."""


@dataclass
class Lease:
    """A lease that this process has written last, as far as it knows."""

    path: UPath
    clock: Callable[[], float] = time.monotonic
    renewals: int = 0
    tag: Tag = ABSENT
    written_at: float = 0.0
    is_over: bool = False
    turn: threading.RLock = field(default_factory=threading.RLock, repr=False)
    """Held by the thread that writes or deletes it."""
    _id: str = field(default_factory=lambda: uuid4().hex)

    def write(self, expected: Tag) -> None:
        """Write it in the place of what was seen; ChangedError where something else is there. Each content is new."""
        with self.turn:
            at, holder = self.clock(), f"{socket.gethostname()}, process {os.getpid()}"
            self.renewals += 1
            content = {"held_by": holder, "id": self._id, "renewals": self.renewals}
            self.tag = write_if(self.path, pretty(content), expected)
            self.written_at = at

    def renew(self) -> None:
        """Write it anew, unless it was given back; ChangedError where it is another's by now."""
        with self.turn:
            if not self.is_over:
                self.write(self.tag)

    def give_back(self, sure_for: float) -> None:
        """Delete it, where nobody can have taken it: it was written just now, or is written once more."""
        with self.turn:
            if self.clock() - self.written_at > sure_for:
                self.renew()
            self.is_over = True
            remove(self.path)


class Watch:
    """What somebody who waits for a lease sees of it, by his own clock."""

    def __init__(self, path: UPath, term: float, clock: Callable[[], float]) -> None:
        self._path = path
        self._term = term
        self._clock = clock
        self._tag: Tag | None = None
        self._since = 0.0
        self.is_alive = False
        """Whether it was written while it was watched."""

    def look(self) -> Tag | None:
        """Return in whose place the lease may be written: of nothing, or of one that was not renewed for a term."""
        there = read_tagged(self._path)
        if there is None:
            return ABSENT
        if there[1] != self._tag:
            self.is_alive = self._tag is not None
            self._tag, self._since = there[1], self._clock()
        return self._tag if self._clock() - self._since >= self._term else None


def take(lease: Lease, term: float, when_held: Callable[[], object]) -> None:
    """Wait until the lease is to be had, and write it.

    `when_held` is called once its holder is known to be alive, since it is renewed; so within a moment.
    """
    expected: Tag | None = ABSENT
    watch, is_told = Watch(lease.path, term, lease.clock), False
    while True:
        if expected is not None:
            try:
                return lease.write(expected)
            except ChangedError:
                pass  # another was there before
        else:
            time.sleep(term / LOOKS)
        expected = watch.look()
        if watch.is_alive and not is_told:
            is_told = True
            when_held()
