"""What checks look at: an hour as it lies in the store, read no further than they need. Loads no Dagster."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.health.verdicts import Seen
from mailevents_dagster.model.columns import RowFormat
from mailevents_dagster.model.event import Detail
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import SECONDS, Hour, hours_between, key_timezone
from mailevents_dagster.store.hour.snapshot_file import Nulls, columns_of, opened
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.verify import verify_hour

WEEKS: Final = 6
"""Earlier weeks that an hour is compared with."""
HOURS_BEFORE: Final = (1, 24, 48, 7 * 24)
"""How many hours earlier the hours lie whose fields an hour's own are compared with."""
WORD: Final = re.compile("[a-z][a-z_-]{0,30}")
OUTCOMES_SHOWN: Final = 8
ROWS_THAT_TELL: Final = 20
"""A field is gone if this many events lack it; three events at night may lack one by chance."""


def look(store: Store, feed: Feed, hour: Hour) -> Seen:
    """Return the hour as it is; of a snapshot that is damaged or gone, nothing but that."""
    findings, manifest = verify_hour(store, feed, hour).findings, store.readable_manifest(feed, hour)
    weeks = tuple(one.events for one in _same_hours(store, feed, hour))
    if manifest is None or any(finding.kind == "snapshot" for finding in findings):
        return Seen(hour.key, manifest, findings, weeks=weeks)
    path, rows = store.layout.snapshot(feed, hour), feed.kind.rows
    repeated, without_detail = _repeated(path, rows.id_column) if rows.id_column else (0, {})
    with opened(path) as snapshot:
        raws, nulls = list(snapshot.sample()), snapshot.nulls()
    return Seen(
        hour.key,
        manifest,
        findings,
        repeated=repeated,
        without_detail=without_detail,
        sampled=len(raws),
        not_understood=not_understood(path, rows),
        fields=rows.compare(raws),
        lost=_lost(rows, nulls, _nulls_before(store, feed, hour)),
        weeks=weeks,
    )


def outcomes(snapshot: StoredPath, rows: RowFormat) -> Counter[str]:
    """Count the outcomes of an hour's events, as often as a record names them. What is not a word might be data."""
    if rows.outcome_column is None:
        return Counter()
    import pyarrow.compute as pc

    column = columns_of(snapshot, [rows.outcome_column]).column(0)
    while not pa.types.is_string(column.type):
        column = pc.list_flatten(column) if pa.types.is_list(column.type) else pc.struct_field(column, 0)
    counted = _counts(column)
    found = Counter({word: times for word, times in counted.items() if word and WORD.fullmatch(word)})
    shown = Counter(dict(found.most_common(OUTCOMES_SHOWN)))
    return shown + Counter({"other": sum(counted.values()) - sum(shown.values())})


def not_understood(snapshot: StoredPath, rows: RowFormat) -> int:
    """Count the events of an hour that no rule of the source knew."""
    if rows.known_column is None:
        return 0
    import pyarrow.compute as pc

    return pc.sum(pc.invert(columns_of(snapshot, [rows.known_column]).column(0))).as_py() or 0


def manifests_between(store: Store, feed: Feed, first: float, end: float) -> Iterator[Manifest]:
    """Yield the manifests of the hours in this span that are there and were not destroyed."""
    for hour in hours_between(first, end, store.timezone):
        if (manifest := store.readable_manifest(feed, hour)) and not is_destroyed(store, feed, hour):
            yield manifest


def is_destroyed(store: Store, feed: Feed, hour: Hour) -> bool:
    return store.layout.destruction(feed, hour).exists() or store.layout.begun_destruction(feed, hour).exists()


def newest_closed(store: Store, feed: Feed) -> Hour | None:
    """Return the newest closed hour of the feed; None where there is none to look at."""
    cursor = store.readable_cursor(feed)
    if cursor is None or not cursor.closed:
        return None
    hour = Hour(cursor.closed[-1][1] - SECONDS, store.timezone)
    return None if is_destroyed(store, feed, hour) else hour


def _repeated(snapshot: StoredPath, id_column: str) -> tuple[int, Mapping[str, int]]:
    """Return how many events repeat another, and how many have no detail, by the reason that is recorded."""
    import pyarrow.compute as pc

    table = columns_of(snapshot, [id_column, "identity", "detail"])
    known = table.filter(pc.is_valid(table[id_column]))["identity"]
    counted = _counts(table["detail"])
    reasons = (Detail.PURGED.value, Detail.UNASKED.value)
    without = {reason: counted[reason] for reason in reasons if reason in counted}
    return len(known) - pc.count_distinct(known).as_py(), without


def _counts(column: pa.ChunkedArray) -> dict[str | None, int]:
    return {one["values"]: one["counts"] for one in column.value_counts().to_pylist()}


def _lost(rows: RowFormat, now: Nulls, earlier: Iterator[Nulls]) -> frozenset[str]:
    """Return the fields that all events of earlier hours had and none of this one has."""
    if now.rows < ROWS_THAT_TELL:
        return frozenset()
    before = [nulls for nulls in earlier if nulls.rows]
    if sum(nulls.rows for nulls in before) < ROWS_THAT_TELL:
        return frozenset()
    return frozenset(
        field
        for column, field in rows.fields.items()
        if now.of.get(column) == now.rows and all(nulls.of.get(column) == 0 for nulls in before)
    )


def _nulls_before(store: Store, feed: Feed, hour: Hour) -> Iterator[Nulls]:
    for hours in HOURS_BEFORE:
        earlier = Hour(hour.start - hours * SECONDS, hour.timezone)
        # An hour may be destroyed or not collected; damage has its own verdict.
        with suppress(FileNotFoundError, DamagedError), opened(store.layout.snapshot(feed, earlier)) as snapshot:
            yield snapshot.nulls()


def _same_hours(store: Store, feed: Feed, hour: Hour) -> Iterator[Manifest]:
    """Yield the closed hours of earlier weeks at the same local time on the same weekday, the newest first."""
    local = datetime.fromtimestamp(hour.start, ZoneInfo(key_timezone(hour.timezone)))
    for week in range(1, WEEKS + 1):
        earlier = Hour.containing((local - timedelta(weeks=week)).timestamp(), hour.timezone)
        manifest = store.readable_manifest(feed, earlier)
        if manifest and manifest.closed:
            yield manifest
