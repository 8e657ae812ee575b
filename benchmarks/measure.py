"""One collection in a fresh process: what it cost, and whether what it kept is the truth."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from workload import Task, fingerprint

STATUS: Final = Path("/proc/self/status")

Collect = Callable[[Task], Path]


@dataclass(frozen=True, slots=True)
class Measured:
    """Figures of one collection."""

    seconds: float
    cpu_seconds: float
    """User and system time of the collecting process, without its start and imports."""
    idle_bytes: int
    """The most memory it had used before it began: interpreter and imported modules."""
    peak_bytes: int
    fingerprint: str
    """Of the records in its log."""


def measure(collect: Collect, task: Task) -> Measured:
    """Runs in the fresh process, which has nothing to do but this."""
    idle, used, began = peak_memory(), cpu_seconds(), time.perf_counter()
    log = collect(task)
    seconds, cpu, peak = time.perf_counter() - began, cpu_seconds() - used, peak_memory()
    with log.open(encoding="utf-8") as lines:
        kept = fingerprint(json.loads(line) for line in lines)
    return Measured(seconds, cpu, idle, peak, kept)


def peak_memory() -> int:
    """The most memory this process has used, in bytes.

    Linux hands the maximum that getrusage knows down from the parent to the child; its own one is in /proc.
    """
    if STATUS.exists():
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
