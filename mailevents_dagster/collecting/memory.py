"""Memory of a process that collects: what an hour took goes back to the system, and is not kept for the next."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Final

import pyarrow as pa

_M_ARENA_MAX: Final = -8
"""As glibc's malloc.h has it."""
_ARENAS: Final = 2
"""Heaps that threads share. Each hour has threads of its own, and a heap for each would keep what they freed."""


@cache
def keep_little() -> None:
    """Let Arrow and numpy share few heaps, from now on; each that there is keeps some megabytes that are in no use."""
    pa.set_memory_pool(pa.system_memory_pool())
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):  # which glibc alone has
        libc.mallopt(_M_ARENA_MAX, _ARENAS)


def give_back() -> None:
    """Give back what is free; it takes some milliseconds, so once an hour of a feed is enough."""
    pa.default_memory_pool().release_unused()
