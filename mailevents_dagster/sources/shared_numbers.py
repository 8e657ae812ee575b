"""Numbers that the processes of a machine share: a small file, read and written under its lock.

A process loses the lock when it is killed. Content that is damaged or from before the last start of the machine counts
as nothing known.
"""

from __future__ import annotations

import os
import struct
import threading
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Self

from mailevents_dagster.files.locks import release, take

_CHECKSUM: Final = struct.Struct("<I")


class SharedNumbers:
    """So many numbers; as a context manager they are this thread's alone. Without a path they are kept in memory."""

    def __init__(self, path: Path | None, count: int) -> None:
        self._form = struct.Struct(f"<36s{count}d")
        self._thread = threading.Lock()
        self._in_memory: tuple[float, ...] | None = None
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

    def read(self) -> tuple[float, ...] | None:
        """Return the numbers; None where none are known."""
        if self._handle is None:
            return self._in_memory
        os.lseek(self._handle, 0, os.SEEK_SET)
        content = os.read(self._handle, self._form.size + _CHECKSUM.size)
        body, checksum = content[: self._form.size], content[self._form.size :]
        if len(body) != self._form.size or checksum != _CHECKSUM.pack(zlib.crc32(body)):
            return None
        boot, *numbers = self._form.unpack(body)
        return tuple(numbers) if boot == THIS_BOOT else None

    def write(self, numbers: Sequence[float]) -> None:
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
