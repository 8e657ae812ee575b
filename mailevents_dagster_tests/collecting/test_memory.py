"""What a collection no longer needs goes back to the system."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pytest

from mailevents_dagster.collecting.memory import give_back, keep_little

STATUS = Path("/proc/self/status")
MEGABYTES = 64


def test_arrow_and_numpy_share_one_allocator_once_something_is_collected() -> None:
    keep_little()

    assert pa.default_memory_pool().backend_name == "system"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc, which Linux has")
def test_what_was_freed_between_things_that_live_on_goes_back_to_the_system() -> None:
    keep_little()
    blocks = [bytes(4096) + bytes([number % 256]) for number in range(MEGABYTES * 256)]
    kept = blocks[::16]
    del blocks[:]
    held = _resident()

    give_back()

    assert held - _resident() > MEGABYTES * 2**20 // 2
    assert len(kept) == MEGABYTES * 16


def _resident() -> int:
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("RssAnon:"))
    return int(line.split()[1]) * 1024
