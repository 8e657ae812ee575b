"""Segments: the files of a spool. One receiver adds to the newest; older ones never change, and go once read."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Final

from mailevents_dagster.store.layout import names_in

SUFFIX: Final = ".spool"


def segments(folder: Path) -> list[Path]:
    """Return the segments, oldest first."""
    return [folder / name for name in sorted(names_in(folder)) if name.endswith(SUFFIX) and not name.startswith(".")]


def next_segment(folder: Path, now: float) -> Path:
    """Return the path of a new segment: behind all others, whatever the clock says, and never used before."""
    number = round(now * 1000)
    if there := segments(folder):
        number = max(number, int(there[-1].name.partition("-")[0]) + 1)
    return folder / f"{number:015d}-{secrets.token_hex(4)}{SUFFIX}"
