"""The file in which the processes of this machine share what is known of a key's calls: six numbers and a checksum.

It is read and written under its lock, which a process loses when it is killed. Content that is damaged, impossible or
from before the last start of the machine counts as nothing known.
"""

from __future__ import annotations

import math
import os
import struct
import threading
import zlib
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Final, Self

from mailevents_dagster.files.locks import release, take

LONGEST_PAUSE: Final = 30 * 86_400.0
"""Seconds; an API that says more is mistaken, and is asked again after so long."""
LONGEST_INTERVAL: Final = 3600.0
"""Seconds; far more than lie between two calls at the lowest rate that can be configured (one in 100 s)."""
FADES_IN: Final = 0.5
"""Seconds after which a call counts a third in the recent rate."""

_FORM: Final = struct.Struct("<36s6d")
_CHECKSUM: Final = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Calls:
    """What is known of a key's calls. Times are those of the monotonic clock, which all processes share."""

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
            and self.slowed_at <= now
            and 0 <= self.last_at <= now
            and 0 <= self.slowed_to < math.inf
            and 0 <= self.lately < math.inf
        )


class BudgetFile:
    """The calls of a key; as a context manager it is this thread's alone. Without a path it is kept in memory."""

    def __init__(self, path: Path | None) -> None:
        self._thread = threading.Lock()
        self._in_memory = Calls()
        self._handle: int | None = None
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)

    def __enter__(self) -> Self:
        self._thread.acquire()
        if self._handle is not None:
            take(self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle is not None:
            release(self._handle)
        self._thread.release()

    def read(self, now: float) -> Calls:
        """Return what is known."""
        if self._handle is None:
            return self._in_memory
        os.lseek(self._handle, 0, os.SEEK_SET)
        return _parsed(os.read(self._handle, _FORM.size + _CHECKSUM.size), now)

    def write(self, calls: Calls) -> None:
        """Write what is known; a process killed within this leaves nothing known."""
        if self._handle is None:
            self._in_memory = calls
            return
        content = _FORM.pack(THIS_BOOT, *astuple(calls))
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, content + _CHECKSUM.pack(zlib.crc32(content)))

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _parsed(content: bytes, now: float) -> Calls:
    body, checksum = content[: _FORM.size], content[_FORM.size :]
    if len(body) != _FORM.size or checksum != _CHECKSUM.pack(zlib.crc32(body)):
        return Calls()
    boot, *numbers = _FORM.unpack(body)
    calls = Calls(*numbers)
    return calls if boot == THIS_BOOT and calls.is_possible(now) else Calls()


def _boot() -> bytes:
    """Return the id of this start of the machine, from which the times count, or blanks where it cannot be read."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip().ljust(36)[:36]
    except OSError:
        return b" " * 36


THIS_BOOT: Final = _boot()
