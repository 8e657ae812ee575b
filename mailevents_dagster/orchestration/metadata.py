"""Metadata of hours and feeds in Dagster: names that stay the same, and no personal data."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg

from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.health.incomplete_hours import gap_sentence
from mailevents_dagster.health.observations import not_understood, outcomes
from mailevents_dagster.model.columns import Column, RowFormat
from mailevents_dagster.model.event import Origin
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.store.hour.commit import Commit
from mailevents_dagster.store.hour.snapshot_columns import all_columns
from mailevents_dagster.store.manifest import Manifest


def hour_metadata(feed: Feed, commit: Commit, measures: Mapping[str, float]) -> dict[str, Any]:
    """Return the numbers of a committed hour; Dagster plots them over hours."""
    rows = feed.kind.rows
    return {
        **manifest_metadata(feed, commit.manifest, commit.log, commit.snapshot),
        **measures,
        "events_added": commit.added,
        "events_changed": commit.changed,
        "events_unseen": commit.unseen,
        "lateness_seconds": commit.lateness,
        "log_change": commit.log_change.value,
        **({"records_not_understood": not_understood(commit.snapshot, rows)} if rows.known_column else {}),
        **_preview(outcomes(commit.snapshot, rows)),
    }


def _preview(counted: Counter[str]) -> dict[str, Any]:
    rows = "".join(f"|{status}|{times:,}|\n" for status, times in counted.most_common())
    return {"outcomes": dg.MetadataValue.md(f"|status|number|\n|-|-:|\n{rows}")} if rows else {}


def manifest_metadata(feed: Feed, manifest: Manifest, log: StoredPath, snapshot: StoredPath) -> dict[str, Any]:
    """Return the numbers that an hour's manifest knows, whatever became of the run that collected it."""
    return {
        "dagster/partition_row_count": manifest.events,
        "complete": manifest.complete,
        "closed": manifest.closed,
        # A log has no details, and is in no other tool's old logs.
        **(
            {"details_missing": manifest.details_owed, "origin": manifest.origin.value} if feed.kind.makes_calls else {}
        ),
        "log_bytes": manifest.log.bytes,
        "parquet_bytes": manifest.snapshot.bytes,
        "log_file": dg.MetadataValue.path(str(log)),
        "parquet_file": dg.MetadataValue.path(str(snapshot)),
        **{
            name: dg.MetadataValue.timestamp(datetime.fromtimestamp(at, UTC))
            for name, at in (
                ("first_event", manifest.first_event),
                ("last_event", manifest.last_event),
                ("listed_at", manifest.listed_at if manifest.origin is Origin.SOURCE else None),
            )
            if at is not None
        },
        **_gaps(manifest),
    }


def _gaps(manifest: Manifest) -> dict[str, int]:
    lost = sum(gap.end is not None for gap in manifest.gaps)
    numbers = {"seconds_beyond_the_page_limit": len(manifest.gaps) - lost, "times_lost_at_the_source": lost}
    return {name: number for name, number in numbers.items() if number}


def hour_sentence(commit: Commit, measures: Mapping[str, float]) -> str:
    """Return the hour in one line, for logs and terminals."""
    manifest = commit.manifest
    said = f"{manifest.domain} {manifest.feed} {manifest.hour}: {manifest.events:,} events, {commit.added:,} new, "
    if "list_calls" in measures:  # not every source makes calls
        said += f"{measures['list_calls']:.0f} list and {measures['detail_calls']:.0f} detail calls, "
    said += f"log {commit.log_change.value}"
    if manifest.details_owed:
        said += f"; {manifest.details_owed:,} details could not be had and are asked for again next time"
    for gap in manifest.gaps:
        if gap.end is not None:
            said += f"; the source shows nothing of {gap_sentence(gap, ZoneInfo(manifest.timezone))}"
            continue
        at = datetime.fromtimestamp(gap.second, UTC).isoformat()
        said += f"; more events in the second {at} than the source shows at once, {gap.seen:,} of them are here"
    if commit.unseen:
        said += f"; {commit.unseen:,} events that the source no longer shows are kept"
    return said


def table_schema(rows: RowFormat) -> dg.TableSchema:
    return column_schema(all_columns(rows))


def column_schema(columns: Iterable[Column]) -> dg.TableSchema:
    """Return the columns of a file as Dagster shows them."""
    return dg.TableSchema([dg.TableColumn(one.name, str(one.type), description=one.description) for one in columns])
