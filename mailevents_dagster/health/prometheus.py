"""What monitors read of all feeds: one file in Prometheus' text format, for node_exporter's textfile collector.

Written by hand: a dozen numbers under names and labels that need no escaping, since domains are ASCII.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from mailevents_dagster.collecting.collector import collector_of
from mailevents_dagster.files.atomic import show
from mailevents_dagster.health.status import Status, status_of
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.store import Store

logger = logging.getLogger(__name__)

OF_FEEDS: Final = {
    "lag_seconds": "Seconds since the end of the newest closed hour.",
    "closed_hours": "Hours that are closed.",
    "missing_hours": "Hours that ended and settled and are not closed.",
    "forgotten_hours": "Hours that were never collected and that the source no longer has, or refuses as too old.",
    "failing_hours": "Hours whose last collection failed.",
    "incomplete_hours": "Collected hours with details owed, or with times that the source does not show whole.",
    "details_owed": "Details that could not be had and are asked for again.",
    "full_seconds": "Seconds that hold more events than the source shows, and times that it shows nothing of.",
    "details_purged": "Details that the source says it does not have.",
    "waiting": "What waits to be handed to another system.",
    "waiting_seconds": "Seconds that the first of it has waited.",
    "set_aside": "What the other system will never take.",
}
OF_PROCESSES: Final = {
    "events": "New events that the last process collected.",
    "hours": "Hours that the last process collected.",
    "failed_hours": "Hours that the last process could not collect.",
    "events_per_second": "New events a second of the last process.",
}
OF_CALLS: Final = {
    "api_calls": "Calls of the last process, failed ones among them.",
    "api_errors": "Calls of the last process that failed.",
    "api_ms_mean": "Mean milliseconds of a call of the last process.",
    "api_ms_max": "Milliseconds of the slowest call of the last process.",
    "throttled_seconds": "Seconds that the source told the last process to wait.",
}
"""Of processes, too, where their feeds make calls."""
OF_ACCOUNTS: Final = {
    "arriving": "Calls a second that what arrives needs.",
    "allowed": "Calls a second allowed.",
}
STATUSES: Final = ("running", "completed", "error")
Sample = tuple[Mapping[str, str], float | None]
"""Labels and a value; None where there is no number."""


def write_metrics(settings: Settings, store: Store | None = None) -> Status:
    """Write the file from stored cursors and heartbeats, and return the status that it shows."""
    collector = collector_of(settings, store)
    beats = {feed: collector.heartbeats.read(feed) for feed in settings.feeds}
    status = status_of(settings, time.time(), store=collector.store)
    text = "".join(
        f"{line}\n" for name, about, samples in _gauges(status, beats) for line in _lines(name, about, samples)
    )
    path = collector.store.layout.metrics
    try:
        show(path, text.encode())
    except OSError as error:  # collecting goes on; monitors see by the file's age that it is not written
        logger.warning(f"{path} cannot be written ({error.strerror}).")
    return status


def _gauges(
    status: Status, beats: Mapping[Feed, Mapping[str, Any] | None]
) -> Iterator[tuple[str, str, Iterable[Sample]]]:
    """Yield each gauge with its explanation and its samples."""
    labels = {one.feed: dict(zip(("domain", "feed"), one.feed.split(" ", 1), strict=True)) for one in status.feeds}
    known = [(labels[str(feed)], beat) for feed, beat in beats.items() if beat]
    for name, about in OF_FEEDS.items():
        yield f"feed_{name}", about, [(labels[one.feed], getattr(one, name)) for one in status.feeds]
    yield (
        "feed_heartbeat_timestamp_seconds",
        "When a process last said that it collects the feed.",
        [(label, beat["last_heartbeat_unix"]) for label, beat in known],
    )
    for word in STATUSES:
        yield (
            f"feed_{word}",
            f"1 where the last heartbeat said {word}.",
            [(of, beat["status"] == word) for of, beat in known],
        )
    of_calls = [(labels[str(feed)], beat) for feed, beat in beats.items() if beat and feed.kind.makes_calls]
    for names, found in ((OF_PROCESSES, known), (OF_CALLS, of_calls)):
        for name, about in names.items():
            yield f"process_{name}", about, [(label, beat["metrics"].get(name)) for label, beat in found]
    for name, about in OF_ACCOUNTS.items():
        samples = [({"domain": one.domain}, getattr(one, name)) for one in status.accounts]
        yield f"account_{name}_calls_per_second", about, samples


def _lines(name: str, about: str, samples: Iterable[Sample]) -> Iterator[str]:
    there = [(labels, value) for labels, value in samples if value is not None]
    if there:
        yield f"# HELP mailevents_{name} {about}"
        yield f"# TYPE mailevents_{name} gauge"
    for labels, value in there:
        of = ",".join(f'{label}="{text}"' for label, text in labels.items())
        yield f"mailevents_{name}{{{of}}} {value:{'g' if abs(value) < 10**6 else '.3f'}}"
