"""The records that a story rests on: what the sources gave, where it lies, and by which digests it is known."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.trace.story import Record
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.store.store import Store
from mailevents_dagster.summaries.making import events_of

_READ: Final = ("event_time", "raw")


def records_of(store: Store, feeds: Sequence[Feed], outcomes: pa.Table, note: Callable[[str], object]) -> list[Record]:
    """Return the records of all feeds that a mail's outcomes were made of, or that name the mail, oldest first."""
    ids = [*pc.unique(outcomes["message_id"]).to_pylist(), *pc.unique(outcomes["queue_id"]).to_pylist()]
    names = "|".join(re.escape(one) for one in ids if one)
    told = set(zip(outcomes["feed"].to_pylist(), outcomes["event_time"].to_pylist(), strict=True))
    found: list[Record] = []
    for hour in _hours(outcomes, store.timezone):
        for feed in feeds:
            times = {time for name, time in told if name == str(feed)}
            found += _of_hour(store, feed, hour, names, times, note)
    return sorted(found, key=lambda one: (one.time, one.feed))


def _hours(outcomes: pa.Table, timezone: str) -> list[Hour]:
    """Return the hours in which the mail was accepted and in which something became of it."""
    times = (*outcomes["event_time"].to_pylist(), *outcomes["accepted_at"].drop_null().to_pylist())
    return sorted({Hour.containing(time.timestamp(), timezone) for time in times}, key=lambda hour: hour.start)


def _of_hour(
    store: Store, feed: Feed, hour: Hour, names: str, times: Iterable[Any], note: Callable[[str], object]
) -> list[Record]:
    wanted = pc.is_in(pc.field("event_time"), value_set=pa.array(list(times), pa.timestamp("ms", tz="UTC")))
    # Only a feed that names no mail of its own, such as a mailbox with a bounce, is asked by time.
    if names and not (times and feed.kind.source == "mailbox"):
        wanted = pc.match_substring_regex(pc.field("raw"), names)
    events = events_of(store, feed, hour, _READ, note, wanted)
    manifest = store.readable_manifest(feed, hour) if events is not None and len(events) else None
    if events is None or manifest is None:
        return []
    return [
        Record(
            str(feed),
            hour.key,
            row["event_time"],
            row["raw"],
            hashlib.sha256(row["raw"].encode()).hexdigest(),
            manifest.snapshot.path,
            manifest.snapshot.sha256,
            manifest.log.path,
            manifest.log.sha256,
        )
        for row in events.to_pylist()
    ]
