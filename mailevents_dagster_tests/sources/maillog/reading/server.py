"""A mail server's log as tests let it grow and rotate, and hours of it as a store would keep them."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

import pyarrow as pa

from mailevents_dagster.model.event import Gap, ReadRange
from mailevents_dagster.sources.maillog.hour_lines import HourLines
from mailevents_dagster.sources.maillog.reading.server_log import ServerLog

HOUR: Final = 3600
NOON: Final = 1_795_176_000
"""2026-11-20 12:00 UTC."""


def zstd(data: bytes) -> bytes:
    out = pa.BufferOutputStream()
    with pa.CompressedOutputStream(out, "zstd") as stream:
        stream.write(data)
    return bytes(out.getvalue().to_pybytes())


PACKERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": partial(lzma.compress, preset=0),
    ".zst": zstd,
}


def exim(time: int, text: str) -> str:
    return f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} {text}"


def syslog(time: int, text: str) -> str:
    local = datetime.fromtimestamp(time, UTC)
    return f"{local:%b} {local.day:2} {local:%H:%M:%S} mx1 {text}"


class GrowingLog:
    """A log below a folder, with what rotation left of it."""

    def __init__(self, folder: Path, name: str = "mainlog") -> None:
        self.folder = folder
        self.path = folder / name
        self.path.touch()

    def write(self, *lines: str, end: str = "\n") -> None:
        with self.path.open("ab") as file:
            file.write(end.join([*lines, ""]).encode())

    def numbered(self) -> list[Path]:
        """What rotation numbered, the highest number first."""
        found = [path for path in self.folder.glob(f"{self.path.name}.*") if self.number(path)]
        return sorted(found, key=self.number, reverse=True)

    def number(self, path: Path) -> int:
        digits = path.name.removeprefix(f"{self.path.name}.").partition(".")[0]
        return int(digits) if digits.isdigit() else 0

    def _shift(self) -> None:
        for path in self.numbered():
            number = self.number(path)
            path.rename(path.with_name(path.name.replace(f".{number}", f".{number + 1}", 1)))

    def rotate(self) -> None:
        self._shift()
        self.path.rename(self.folder / f"{self.path.name}.1")
        self.path.touch()

    def copytruncate(self) -> None:
        self._shift()
        (self.folder / f"{self.path.name}.1").write_bytes(self.path.read_bytes())
        os.truncate(self.path, 0)

    def pack(self, path: Path, packer: str = ".gz") -> Path:
        packed = path.with_name(path.name + packer)
        packed.write_bytes(PACKERS[packer](path.read_bytes()))
        status = path.stat()
        os.utime(packed, ns=(status.st_atime_ns, status.st_mtime_ns))
        # So that the file system gives its number to no other file.
        path.rename(self.folder / f"packed-{status.st_ino}-{len(list(self.folder.iterdir()))}")
        return packed


@dataclass
class Kept:
    """What a store keeps of an hour."""

    lines: Counter[str] = field(default_factory=Counter)
    ranges: tuple[ReadRange, ...] = ()
    gaps: tuple[Gap, ...] = ()


@dataclass
class Reader:
    """Reads hours into what stands for a store, each time in a process of its own as it were."""

    pattern: str
    index: Path
    zone: str = "UTC"
    now: float = NOON + 1000 * HOUR
    hours: dict[int, Kept] = field(default_factory=dict)

    def read(self, *starts: int, is_committed: bool = True) -> list[HourLines]:
        log = ServerLog(self.pattern, self.zone, self.index, lambda: self.now)
        try:
            return [self._hour(log, start, is_committed) for start in starts]
        finally:
            log.close()

    def _hour(self, log: ServerLog, start: int, is_committed: bool) -> HourLines:
        before = self.hours.get(start, Kept())
        hour = log.hour(start, start + HOUR, before.ranges)
        found: Counter[str] = Counter()
        for batch in hour.batches:
            assert ((batch.times >= start) & (batch.times < start + HOUR)).all()
            assert len(batch.texts) == len(batch.times)
            found.update(batch.texts.to_pylist())
        if is_committed:
            lines = before.lines | found if hour.is_whole else before.lines + found
            self.hours[start] = Kept(lines, hour.ranges, hour.gaps)
        return hour

    def lines(self, start: int = NOON) -> list[str]:
        return sorted(self.hours[start].lines.elements())


def reader(log: GrowingLog, *, zone: str = "UTC", now: float = NOON + 1000 * HOUR) -> Reader:
    return Reader(f"{log.path}*", log.folder / "cursors" / "index.json", zone, now)


def counted(ranges: Sequence[ReadRange]) -> int:
    """The bytes of an hour's own lines."""
    return sum(one.end - one.first - one.other_bytes for one in ranges)
