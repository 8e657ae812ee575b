"""What checks look at: an hour as it lies in the store, read no further than they need. Loads no Dagster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow.compute as pc
from upath import UPath

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.health.verdicts import Seen
from mailevents_dagster.model.event import Detail
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between, key_timezone
from mailevents_dagster.sources.uzmanposta.field_names import DETAIL_FIELDS, Fields, compared, field_of
from mailevents_dagster.sources.uzmanposta.probe_findings import record_of
from mailevents_dagster.sources.uzmanposta.schema import COLUMNS
from mailevents_dagster.store.hour.snapshot_file import Nulls, columns_of, opened
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import verify_hour

WEEKS: Final = 6
"""Earlier weeks that an hour is compared with, as far as they are there."""
HOURS_BEFORE: Final = (1, 24, 48, 7 * 24)
"""Hours before an hour whose fields its own are compared with."""
STATUSES: Final[Mapping[str, str]] = {"mail": "recipients.list.element.status", "authentication": "status"}
"""Where the outcome of an event stands; what is in quarantine has none yet."""
WORD: Final = re.compile("[a-z][a-z_-]{0,30}")
OUTCOMES_SHOWN: Final = 8
ROWS_THAT_TELL: Final = 20
"""Events without a field that make it a field that is gone; three at night may lack one by chance."""


def look(store: Store, feed: Feed, hour: Hour) -> Seen:
    """The hour as it is; of a snapshot that is damaged or gone, nothing but that."""
    verified = verify_hour(store, feed, hour)
    manifest = store.readable_manifest(feed, hour)
    weeks = tuple(one.events for one in _same_hours(store, feed, hour))
    seen = Seen(hour.key, manifest, verified.findings, weeks=weeks)
    if manifest is None or any(finding.kind == "snapshot" for finding in verified.findings):
        return seen
    path, category = store.layout.snapshot(feed, hour), feed.kind.category
    repeated, without_detail = _mails(store, feed, hour) if category == "mail" else (0, {})
    with opened(path) as snapshot:
        records, nulls = [record_of(raw) for raw in snapshot.sample()], snapshot.nulls()
    return Seen(
        hour.key,
        manifest,
        verified.findings,
        repeated,
        without_detail,
        len(records),
        compared(category, records, DETAIL_FIELDS if feed.kind.has_details else ()) if records else Fields(),
        _lost(store, feed, hour, nulls),
        weeks,
    )


def outcomes(snapshot: UPath, category: str) -> Counter[str]:
    """How often each status occurs in an hour: of a mail for each recipient. What is no word might be data: other."""
    if category not in STATUSES:
        return Counter()
    column = columns_of(snapshot, [STATUSES[category]]).column(0)
    if category == "mail":
        column = pc.struct_field(pc.list_flatten(column), "status")
    counted = {one["values"]: one["counts"] for one in pc.value_counts(column).to_pylist()}
    found = Counter({word: times for word, times in counted.items() if word and WORD.fullmatch(word)})
    shown = Counter(dict(found.most_common(OUTCOMES_SHOWN)))
    others = sum(counted.values()) - sum(shown.values())
    return shown + Counter({"other": others})


def manifests_between(store: Store, feed: Feed, first: float, end: float) -> Iterator[Manifest]:
    """Those of the hours in this span that are there, and not destroyed."""
    for hour in hours_between(first, end, store.timezone):
        if (manifest := store.readable_manifest(feed, hour)) and not is_destroyed(store, feed, hour):
            yield manifest


def is_destroyed(store: Store, feed: Feed, hour: Hour) -> bool:
    return store.layout.destruction(feed, hour).exists() or store.layout.begun_destruction(feed, hour).exists()


def newest_closed(store: Store, feed: Feed) -> Hour | None:
    """The newest closed hour of the feed that is there to look at."""
    cursor = store.readable_cursor(feed)
    if cursor is None or not cursor.closed:
        return None
    hour = Hour(cursor.closed[-1][1] - SECONDS, store.timezone)
    return None if is_destroyed(store, feed, hour) else hour


def _mails(store: Store, feed: Feed, hour: Hour) -> tuple[int, Mapping[str, int]]:
    """Mails that are there more than once, and those that have no detail for a recorded reason."""
    table = columns_of(store.layout.snapshot(feed, hour), ["queue_id", "identity", "detail"])
    known = table.filter(pc.is_valid(table["queue_id"]))["identity"]
    counted = {one["values"]: one["counts"] for one in pc.value_counts(table["detail"]).to_pylist()}
    reasons = (Detail.PURGED.value, Detail.UNASKED.value)
    without = {reason: counted[reason] for reason in reasons if reason in counted}
    return len(known) - pc.count_distinct(known).as_py(), without


def _lost(store: Store, feed: Feed, hour: Hour, now: Nulls) -> frozenset[str]:
    """Fields that all events of earlier hours had and none of this one has."""
    if now.rows < ROWS_THAT_TELL:
        return frozenset()
    before = [nulls for nulls in _nulls_before(store, feed, hour) if nulls.rows]
    if sum(nulls.rows for nulls in before) < ROWS_THAT_TELL:
        return frozenset()
    return frozenset(
        field_of(column)
        for column in COLUMNS[feed.kind.category]
        if now.of.get(column.name) == now.rows and all(nulls.of.get(column.name) == 0 for nulls in before)
    )


def _nulls_before(store: Store, feed: Feed, hour: Hour) -> Iterator[Nulls]:
    for hours in HOURS_BEFORE:
        earlier = Hour(hour.start - hours * SECONDS, hour.timezone)
        # An hour may be destroyed or not collected; a damaged one is its own verdict.
        with suppress(FileNotFoundError, DamagedError), opened(store.layout.snapshot(feed, earlier)) as snapshot:
            yield snapshot.nulls()


def _same_hours(store: Store, feed: Feed, hour: Hour) -> Iterator[Manifest]:
    """The closed hours of earlier weeks that the clock showed alike on the same weekday, the newest first."""
    local = datetime.fromtimestamp(hour.start, ZoneInfo(key_timezone(hour.timezone)))
    for week in range(1, WEEKS + 1):
        earlier = Hour.containing((local - timedelta(weeks=week)).timestamp(), hour.timezone)
        manifest = store.readable_manifest(feed, earlier)
        if manifest and manifest.closed:
            yield manifest
