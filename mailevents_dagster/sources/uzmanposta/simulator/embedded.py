"""The one simulator that a process starts for itself when the settings name `simulator` as the API."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field

from mailevents_dagster.sources.uzmanposta.simulator.behaviour import EVENTS_PER_HOUR
from mailevents_dagster.sources.uzmanposta.simulator.mail import GeneratedMail
from mailevents_dagster.sources.uzmanposta.simulator.running import Simulator


@dataclass(slots=True)
class _Own:
    """What belongs to one process: a fork copies the memory but not the serving thread, and perhaps a held lock."""

    process: int = field(default_factory=os.getpid)
    lock: threading.Lock = field(default_factory=threading.Lock)
    source: GeneratedMail | None = None
    base_url: str = ""


_own = _Own()


def embedded(domains: Iterable[str], events_per_hour: float = EVENTS_PER_HOUR) -> str:
    """The base URL of this process's simulator, started on first use; that use decides on the events per hour."""
    global _own  # noqa: PLW0603 - one per process is the point
    if _own.process != os.getpid():
        _own = _Own()
    own = _own
    with own.lock:
        if own.source is None:
            own.source = GeneratedMail(events_per_hour=events_per_hour)
            own.base_url = Simulator(source=own.source).start().base_url
        for domain in domains:
            own.source.know(domain)
        return own.base_url
