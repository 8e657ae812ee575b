"""The paths that a pattern names, at one moment, whatever rotation does meanwhile."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from glob import glob
from typing import Final

from mailevents_dagster.sources.maillog.errors import Cause, LogError
from mailevents_dagster.sources.maillog.reading.names import LogName, log_name

TRIES: Final = 100


@dataclass(frozen=True, slots=True)
class Place:
    """A path that is there."""

    path: str
    device: int
    inode: int
    size: int
    mtime_ns: int

    @property
    def name(self) -> LogName:
        return log_name(self.path)

    @property
    def mtime(self) -> float:
        return self.mtime_ns / 1e9

    @property
    def node(self) -> tuple[int, int]:
        return self.device, self.inode


def places_of(pattern: str) -> list[Place]:
    """Return the files that a pattern names, at one moment: no rotation came in between."""
    before: list[Place] | None = None
    for _ in range(TRIES):
        found = list(_look(pattern))
        if before is not None and [(one.path, one.node) for one in before] == [(one.path, one.node) for one in found]:
            return found
        before = found
    raise LogError(
        Cause.CHANGED,
        f"{pattern}: files are renamed all the time, so which ones are there could not be told. Nothing was committed.",
        is_passing=True,
    )


def _look(pattern: str) -> Iterator[Place]:
    others = []
    found = False
    for path in sorted(glob(pattern, recursive=True)):
        try:
            status = os.stat(path)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            found = True
            yield Place(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)
        else:
            others.append(path)
    if not found and others:
        raise LogError(
            Cause.NO_FILE,
            f"{others[0]} is no regular file. Let `files` name the log and what rotation leaves of it, such as "
            f"{others[0].rstrip('/')}/mainlog*",
        )
