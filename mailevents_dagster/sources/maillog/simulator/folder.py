"""A folder with the log of a simulated server as logrotate leaves it: one file a day, the older ones packed.

A file is a beginning of what its day has, so its size alone says how far it was written, and what a killed process left
is completed by the next. Which day a file is of is said by the stamp of its first line.
"""

from __future__ import annotations

import gzip
import os
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from mailevents_dagster.files.atomic import replace
from mailevents_dagster.files.locks import holding
from mailevents_dagster.sources.maillog.simulator.log_lines import ALONE, SERVERS, lines

FILE_NAMES: Final = {"exim": "mainlog", "postfix": "mail.log"}
DAYS_KEPT: Final = 14
"""Rotated files beside the growing one."""


def write_until(
    folder: Path,
    name: str,
    format: str,  # noqa: A002 - the name it has in the settings
    start: int,
    now: float,
    timezone: str,
    neighbours: Mapping[str, str] = ALONE,
) -> None:
    """Let the log in the folder grow up to now, from the day of `start` on. Processes may call at once.

    Neighbours are other simulated servers, their names with their formats: these and the server hand each other mails.
    """
    log = _Log(folder, name, format, ZoneInfo(timezone), neighbours)
    with holding(folder / ".lock"):
        files = _files_by_day(log, log.day_of(now))
        today = max(log.day_of(now), *files) if files else log.day_of(now)
        oldest = max(log.day_of(start), today - timedelta(DAYS_KEPT))
        for path in [path for day in files if day < oldest for path in files[day]]:
            path.unlink()
        for age in range((today - oldest).days, -1, -1):
            day = today - timedelta(age)
            _bring_up_to_date(log, files.get(day, []), day, age, int(now))


@dataclass(frozen=True, slots=True)
class _Log:
    folder: Path
    name: str
    format: str
    zone: ZoneInfo
    neighbours: Mapping[str, str]

    def day_of(self, at: float) -> date:
        return datetime.fromtimestamp(at, self.zone).date()

    def end_of(self, day: date) -> int:
        return self.start_of(day + timedelta(1))

    def start_of(self, day: date) -> int:
        return int(datetime.combine(day, time(), self.zone).timestamp())

    def path(self, age: int) -> Path:
        """Return where the file lies whose day was so many days ago."""
        rotated = f".{age}" if age else ""
        return self.folder / f"{FILE_NAMES[self.format]}{rotated}{'.gz' if age > 1 else ''}"

    def content(self, day: date, until: int) -> bytes:
        """Return what the file of a day holds at a time."""
        end = min(until, self.end_of(day))
        found = lines(self.name, self.format, self.start_of(day), end, self.zone.key, neighbours=self.neighbours)
        return "".join(f"{line}\n" for line in found).encode()


def _files_by_day(log: _Log, today: date) -> Mapping[date, Sequence[Path]]:
    """Return the files of each day; others, too old or damaged, are removed."""
    stamp = SERVERS[log.format].stamp.partition(" %H")[0]
    around = [today + timedelta(days) for days in range(-DAYS_KEPT - 1, DAYS_KEPT)]
    days = {day.strftime(stamp).encode(): day for day in around}
    files = defaultdict(list)
    for path in log.folder.glob(f"{FILE_NAMES[log.format]}*"):
        day = days.get(_first_bytes(path, len(today.strftime(stamp))))
        if day is None:
            path.unlink()
        else:
            files[day].append(path)
    return files


def _first_bytes(path: Path, count: int) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            return file.read(count)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        return b""


def _bring_up_to_date(log: _Log, paths: Sequence[Path], day: date, age: int, now: int) -> None:
    """Bring the file of a day to its name and its content. Days come oldest first, so that the name is free."""
    target = log.path(age)
    if target not in paths:
        if age > 1 and not (paths and paths[0].suffix == ".gz"):
            _pack(target, log.content(day, now), log.end_of(day))
        elif paths:
            _append(paths[0], log, day, now)
            paths[0].rename(target)
    for path in paths:
        if path != target:
            path.unlink(missing_ok=True)
    if age == 0 or not target.exists():
        _append(target, log, day, now)


def _append(path: Path, log: _Log, day: date, now: int) -> None:
    """Add what is missing at the end. A file that has a rotated name and is not packed was completed before."""
    if path.suffix == ".gz":
        return
    content = log.content(day, now)
    size = path.stat().st_size if path.exists() else 0
    if size < len(content):
        with path.open("ab") as file:
            file.write(content[size:])
        _set_time(path, min(now, log.end_of(day)))


def _pack(path: Path, content: bytes, end: int) -> None:
    partial = path.with_name(f".{path.name}.partial")
    partial.write_bytes(gzip.compress(content, mtime=0))
    _set_time(partial, end)
    replace(partial, path)


def _set_time(path: Path, at: int) -> None:
    """Give a file the time of its last line, which tells readers the year."""
    os.utime(path, (at, at))
