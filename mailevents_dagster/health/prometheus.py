"""What monitors read of all feeds: one file in Prometheus' text format, for node_exporter's textfile collector.

Written by hand: a dozen numbers under names and labels that need no escaping, since domains are ASCII.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mailevents_dagster.collecting.collector import collector_of
from mailevents_dagster.files.atomic import show
from mailevents_dagster.health.status import Status, status_of
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import Settings

logger = logging.getLogger(__name__)

OF_FEEDS: Final = {
    "lag_seconds": "Seconds since the end of the newest closed hour.",
    "closed_hours": "Hours that are closed.",
    "missing_hours": "Hours that ended and settled and are not closed.",
    "forgotten_hours": "Hours that were never collected and that the API no longer has.",
    "failing_hours": "Hours whose last collection failed.",
    "incomplete_hours": "Collected hours of which details are owed or seconds hold more than the API shows.",
    "details_owed": "Details that could not be had and are asked for again.",
    "full_seconds": "Seconds that hold more events than the API shows.",
    "details_purged": "Details that the API says it does not have.",
}
OF_PROCESSES: Final = {
    "events": "New events that the last process has collected.",
    "hours": "Hours that the last process has collected.",
    "failed_hours": "Hours that the last process could not collect.",
    "api_calls": "Calls of the last process, those that failed among them.",
    "api_errors": "Calls of the last process that failed.",
    "api_ms_mean": "Milliseconds that a call of the last process took in the mean.",
    "api_ms_max": "Milliseconds that the slowest call of the last process took.",
    "throttled_seconds": "Seconds that the API told the last process to wait.",
    "events_per_second": "New events a second of the last process.",
}
OF_ACCOUNTS: Final = {
    "arriving": "Calls a second that are needed for what arrives.",
    "allowed": "Calls a second that the settings allow.",
}


def write_metrics(settings: Settings) -> Status:
    """Writes the file anew, from stored cursors and heartbeats; returns what it read for it."""
    collector = collector_of(settings)
    beats = {feed: collector.heartbeats.read(feed) for feed in settings.feeds}
    status = status_of(settings, time.time())
    text = "".join(f"{line}\n" for line in lines(status, beats))
    path = collector.store.layout.metrics
    try:
        show(path, text.encode())
    except OSError as error:  # who collects goes on; monitors see by the file's age that it is not written
        logger.warning(f"{path} cannot be written ({error.strerror}).")
    return status


def lines(status: Status, beats: Mapping[Feed, Mapping[str, Any] | None]) -> Iterator[str]:
    """The text, line by line; what a feed has no number for it has no line for."""
    labels = {one.feed: dict(zip(("domain", "feed"), one.feed.split(" ", 1), strict=True)) for one in status.feeds}
    for name, about in OF_FEEDS.items():
        values = [(labels[one.feed], getattr(one, name)) for one in status.feeds]
        yield from _gauge(f"mailevents_feed_{name}", about, values)
    known = [(labels[str(feed)], beat) for feed, beat in beats.items() if beat]
    yield from _gauge(
        "mailevents_feed_heartbeat_timestamp_seconds",
        "When a process last said that it collects the feed.",
        [(label, beat["last_heartbeat_unix"]) for label, beat in known],
    )
    for word in ("running", "completed", "error"):
        yield from _gauge(
            f"mailevents_feed_{word}",
            f"1 where the last heartbeat said {word}.",
            [(label, float(beat["status"] == word)) for label, beat in known],
        )
    for name, about in OF_PROCESSES.items():
        yield from _gauge(
            f"mailevents_process_{name}", about, [(label, beat["metrics"].get(name)) for label, beat in known]
        )
    for name, about in (
        ("arriving", "Calls a second that what arrives needs."),
        ("allowed", "Calls a second allowed."),
    ):
        values = [({"domain": one.domain}, getattr(one, name)) for one in status.accounts]
        yield from _gauge(f"mailevents_account_{name}_calls_per_second", about, values)


def _gauge(name: str, about: str, samples: Sequence[tuple[Mapping[str, str], float | None]]) -> Iterator[str]:
    there = [(labels, value) for labels, value in samples if value is not None]
    if there:
        yield f"# HELP {name} {about}"
        yield f"# TYPE {name} gauge"
    for labels, value in there:
        text = ",".join(f'{label}="{of}"' for label, of in labels.items())
        yield f"{name}{{{text}}} {value:g}" if abs(value) < 10**6 else f"{name}{{{text}}} {value:.3f}"
