"""The file in which the processes of this machine share what is known of a key's calls: six numbers and a checksum.

It is read and written under its lock alone, which goes with its holder, so a killed process holds nobody up. Whatever
is not as it was written, and whatever is left of an earlier start of the machine, counts as nothing known.
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
"""Seconds in which a call counts for less than half of what it counted, in the rate of late."""

_FORM: Final = struct.Struct("<36s6d")
_CHECKED: Final = struct.Struct("<I")


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
    """The calls of late, each counting less the longer ago it was."""
    last_at: float = 0.0

    def one_more(self, now: float, interval: float, catch_up: float) -> Calls:
        """With a call that goes out now; a late one is made up for by so many seconds at the most."""
        return replace(
            self,
            next_at=max(self.next_at, now - catch_up) + interval,
            lately=self._faded(now) + 1,
            last_at=now,
        )

    def paused(self, until: float, slowed_to: float, slowed_at: float) -> Calls:
        return replace(self, paused_until=until, slowed_to=slowed_to, slowed_at=slowed_at)

    def rate_of_late(self, now: float) -> float:
        """Calls a second."""
        return self._faded(now) / FADES_IN

    def _faded(self, now: float) -> float:
        return self.lately * math.exp((self.last_at - now) / FADES_IN)

    def is_possible(self, now: float) -> bool:
        return (
            not any(math.isnan(number) for number in astuple(self))
            and 0 <= self.next_at <= now + LONGEST_INTERVAL
            and 0 <= self.paused_until <= now + LONGEST_PAUSE
            and self.slowed_at <= now
            and 0 <= self.last_at <= now
            and 0 <= self.slowed_to < math.inf
            and 0 <= self.lately < math.inf
        )


class BudgetFile:
    """The calls of a key, as a context manager this thread's alone; without a path, those of this process."""

    def __init__(self, path: Path | None) -> None:
        self._thread = threading.Lock()
        self._here = Calls()
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
        """Return what is known, which is nothing where the file is not as it was written."""
        if self._handle is None:
            return self._here
        os.lseek(self._handle, 0, os.SEEK_SET)
        return _read(os.read(self._handle, _FORM.size + _CHECKED.size), now)

    def write(self, calls: Calls) -> None:
        """Write what is known; a process killed within this leaves nothing known."""
        if self._handle is None:
            self._here = calls
            return
        content = _FORM.pack(THIS_BOOT, *astuple(calls))
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, content + _CHECKED.pack(zlib.crc32(content)))

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _read(content: bytes, now: float) -> Calls:
    body, checksum = content[: _FORM.size], content[_FORM.size :]
    if len(body) != _FORM.size or checksum != _CHECKED.pack(zlib.crc32(body)):
        return Calls()
    boot, *numbers = _FORM.unpack(body)
    calls = Calls(*numbers)
    return calls if boot == THIS_BOOT and calls.is_possible(now) else Calls()


def _boot() -> bytes:
    """Which start of the machine the times count from, where that can be had."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip().ljust(36)[:36]
    except OSError:
        return b" " * 36


THIS_BOOT: Final = _boot()
