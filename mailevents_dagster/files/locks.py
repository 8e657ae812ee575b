"""Locks on open files: held by a process and gone with it, however it ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def take(handle: int) -> None:
        """Waits for the lock; for short work only, since others wait."""
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_LOCK, 1)

    def try_to_take(handle: int) -> bool:
        """Takes the lock unless another holds it."""
        os.lseek(handle, 0, os.SEEK_SET)
        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def release(handle: int) -> None:
        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def take(handle: int) -> None:
        """Waits for the lock; for short work only, since others wait."""
        fcntl.flock(handle, fcntl.LOCK_EX)

    def try_to_take(handle: int) -> bool:
        """Takes the lock unless another holds it."""
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def release(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_UN)


@contextmanager
def holding(path: Path, when_held: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Keep other processes out while the block runs; one that died keeps nobody out.

    `when_held` is told where another holds the lock, which is waited for unless that raises.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not try_to_take(handle):
            when_held()
            take(handle)
        yield
    finally:
        os.close(handle)
