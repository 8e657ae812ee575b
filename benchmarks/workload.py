"""What is collected: one feed, one hour, and how its API is to be treated. Pure values; loads neither collector."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mailevents_dagster.files.json_text import canonical
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.sources.uzmanposta.feeds import feed_of

FEED: Final = feed_of("benchmark.example", "mail/incominglog")
HOUR: Final = Hour.from_key("2025-06-04-07:00", "UTC")
"""A busy hour of a working day. Fixed, so that every machine collects the same mail and counts the same calls."""
KEY: Final = "benchmark"


@dataclass(frozen=True, slots=True)
class Task:
    """One collection of the hour, into a folder of its own."""

    base_url: str
    folder: Path
    concurrency: int
    rate: float | None = None
    """Requests a second that the API allows; who knows of it may keep to it."""
    details: bool = True


def fingerprint(records: Iterable[object]) -> str:
    """The same for the same records, whatever their order and the order of their keys."""
    return hashlib.sha256(b"\n".join(sorted(map(canonical, records)))).hexdigest()
