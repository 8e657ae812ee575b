"""Numbers that processes share: those of a machine in a small file, those of several machines in PostgreSQL.

Whoever changes them has them alone meanwhile, and decides by one clock that all who share them have in common. A
process that is killed meanwhile changes nothing and holds nobody up.
"""

from __future__ import annotations

import os
import struct
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, Protocol, TypeVar

from mailevents_dagster.files.locks import release, take

T = TypeVar("T")
Decide = Callable[[Sequence[float] | None, float], tuple[Sequence[float] | None, T]]
"""Return new numbers, or None to leave them, and what the change is to return; from those known, and the time.

None are known at first. It may be called more than once, and must be quick: others wait.
"""
_CHECKSUM: Final = struct.Struct("<I")


class Numbers(Protocol):
    """So many numbers that threads and processes share."""

    courtesy: float
    """Seconds by which whoever had its turn last lets others go first, so that each gets its share."""

    def change(self, decide: Decide[T], *, may_be_forgotten: bool = False) -> T:
        """Have the numbers changed and return what was decided.

        What may be forgotten need not survive a crash of the database within the second.
        """

    def close(self) -> None: ...


class FileNumbers:
    """Numbers in a file, read and written under its lock, by the clock of the machine.

    Content that is damaged or from before the last start of the machine counts as nothing known.
    """

    courtesy = 0.002

    def __init__(self, path: Path | None, count: int) -> None:
        self._form = struct.Struct(f"<36s{count}d")
        self._thread = threading.Lock()
        self._in_memory: Sequence[float] | None = None
        self._handle: int | None = None
        if path is not None:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)

    def change(self, decide: Decide[T], *, may_be_forgotten: bool = False) -> T:  # noqa: ARG002 - nothing is flushed
        with self._thread:
            if self._handle is not None:
                take(self._handle)
            try:
                numbers, result = decide(self._read(), time.monotonic())
                if numbers is not None:
                    self._write(numbers)
            finally:
                if self._handle is not None:
                    release(self._handle)
        return result

    def _read(self) -> Sequence[float] | None:
        if self._handle is None:
            return self._in_memory
        os.lseek(self._handle, 0, os.SEEK_SET)
        content = os.read(self._handle, self._form.size + _CHECKSUM.size)
        body, checksum = content[: self._form.size], content[self._form.size :]
        if len(body) != self._form.size or checksum != _CHECKSUM.pack(zlib.crc32(body)):
            return None
        boot, *numbers = self._form.unpack(body)
        return numbers if boot == THIS_BOOT else None

    def _write(self, numbers: Sequence[float]) -> None:
        """Write the numbers; a process killed within this leaves nothing known."""
        if self._handle is None:
            self._in_memory = tuple(numbers)
            return
        content = self._form.pack(THIS_BOOT, *numbers)
        os.lseek(self._handle, 0, os.SEEK_SET)
        os.write(self._handle, content + _CHECKSUM.pack(zlib.crc32(content)))

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _boot() -> bytes:
    """Return the id of this start of the machine, from which the times count, or blanks where it cannot be read."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_bytes().strip().ljust(36)[:36]
    except OSError:
        return b" " * 36


THIS_BOOT: Final = _boot()
