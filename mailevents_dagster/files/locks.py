"""Locks on open files: held by a process and gone with it, however it ends.

The locks of descriptors, since some of these files also hold data and some are held until the process ends.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from filelock import lock_descriptor, unlock_descriptor

from mailevents_dagster.files.atomic import make_folder

SOON: Final = 0.001
LATER: Final = 0.02
"""Seconds between two tries for what is held for microseconds, and for what may be held for minutes."""

take = partial(lock_descriptor, poll_interval=SOON)
"""Wait for the lock of a descriptor; for short work only, since others wait."""
try_to_take = partial(lock_descriptor, blocking=False)
"""Take the lock of a descriptor unless another holds it; return whether it was taken."""
release = unlock_descriptor


@contextmanager
def holding(path: Path, when_held: Callable[[], object] = lambda: None) -> Iterator[None]:
    """Keep other processes and threads out while the block runs. The file is made, with its folder.

    `when_held` is called where another holds the lock, which is waited for unless that raises.
    """
    make_folder(path.parent)
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not try_to_take(handle):
            when_held()
            lock_descriptor(handle, poll_interval=LATER)
        yield
    finally:
        os.close(handle)
