"""The destruction of expired hours in a run: what the run says, and what each hour shows from then on."""

import time
from collections import Counter
from datetime import UTC, datetime
from typing import Final

import dagster as dg

from mailevents_dagster.collecting.housekeeping import (
    DESTROYED_TOO_EARLY,
    MeaninglessHoldError,
    NotDestroyed,
    clocks_of,
    destroy,
    destroyed_too_early,
    expired_hours,
    take_back_destructions,
)
from mailevents_dagster.collecting.interval import Every
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.store.blob_removal import remove_unneeded
from mailevents_dagster.store.destruction_record import Destruction
from mailevents_dagster.store.opening import retention_of
from mailevents_dagster.store.retention import Clocks
from mailevents_dagster.store.store import Store

DESTROY_OP: Final = "destroy_expired_hours"
HOURS_A_FEED: Final = 480
"""Most hours of a feed in one run, each a row of the event log. Twenty days of them: a backlog of years melts."""
SECONDS_A_RUN: Final = 1800.0
SAY_EVERY: Final = 10.0
FAILURES_NAMED: Final = 20


def destroy_expired(context: dg.OpExecutionContext, settings: Settings, store: Store, now: float) -> None:
    """Destroy a portion of what has expired. Each hour stays materialized and is observed as destroyed."""
    clocks = clocks_of(settings, store, now)
    numbers = Counter(hours=0, events=0, bytes=0, left=0, held=0, failed=0)
    numbers["taken_back"] = _take_back(context, settings, store, clocks)
    interval, until = Every(SAY_EVERY), time.monotonic() + SECONDS_A_RUN
    try:
        for expired in expired_hours(settings, store, clocks.earlier):
            numbers.update(left=len(expired.due), held=sum(map(len, expired.held.values())))
            for outcome in destroy(store, expired, HOURS_A_FEED, until):
                if isinstance(outcome, NotDestroyed):
                    numbers["failed"] += 1
                    if numbers["failed"] <= FAILURES_NAMED:
                        context.log.error(f"{outcome.feed} {outcome.hour}: {outcome.said}")
                    continue
                context.log_event(observation(store, outcome))
                numbers.update(hours=1, events=outcome.events or 0, bytes=outcome.bytes, left=-1)
                if interval.has_passed():
                    context.log.info(
                        f"{numbers['hours']:,} hours destroyed so far, now at {expired.feed} {outcome.hour}"
                    )
    except MeaninglessHoldError as error:
        raise dg.Failure(str(error), allow_retries=False) from error
    numbers.update(_remove_blobs(context, settings, store, clocks))
    context.add_output_metadata(numbers)
    context.log.info(
        f"{numbers['hours']:,} expired hours destroyed, {numbers['events']:,} events, {numbers['bytes']:,} bytes; "
        f"{numbers['held']:,} more are kept by legal holds"
        + (f"; {numbers['left']:,} hours are left to the next housekeeping" if numbers["left"] else "")
    )
    if numbers["failed"]:
        raise dg.Failure(
            f"{numbers['failed']:,} expired hours, or their messages, could not be destroyed; why is above.",
            allow_retries=False,
        )


def _take_back(context: dg.OpExecutionContext, settings: Settings, store: Store, clocks: Clocks) -> int:
    """Take back what a wrong clock destroyed, say what is wrong with the clock now, and return how many hours."""
    taken_back = take_back_destructions(store, destroyed_too_early(settings, store, clocks))
    if taken_back:
        context.log.warning(
            f"{taken_back:,} hours were {DESTROYED_TOO_EARLY}. They count as missing and are collected again, as far "
            f"as the source still has them."
        )
    if not retention_of(settings).days:
        context.log.info("No hour expires: `retention` in the settings names no days.")
    elif contradiction := clocks.sentence(settings.timezone):
        context.log.warning(contradiction)
    return taken_back


def _remove_blobs(context: dg.OpExecutionContext, settings: Settings, store: Store, clocks: Clocks) -> dict[str, int]:
    """Remove the messages that only destroyed hours needed, and return the numbers of it."""
    try:
        removed = remove_unneeded(store, retention_of(settings), clocks.earlier)
    except (DamagedError, OSError) as error:
        context.log.error(
            f"No message was removed, since it is not known which are still needed: {error}. Materialize that hour "
            f"again, or restore the file; the next housekeeping removes them."
        )
        return {"failed": 1}
    if removed.blobs or removed.waiting:
        context.log.info(
            f"{removed.blobs:,} messages of destroyed hours removed, {removed.bytes:,} bytes on disk; "
            f"{removed.waiting:,} were written within a day and go another time"
        )
    return {"blobs": removed.blobs, "blob_bytes": removed.bytes}


def observation(store: Store, record: Destruction) -> dg.AssetObservation:
    """Return what Dagster shows of an hour that was destroyed."""
    feed = store.feed(record.domain, record.feed)
    path = store.layout.destruction(feed, Hour(record.start, store.timezone))
    return dg.AssetObservation(
        dg.AssetKey(feed.asset_key),
        partition=record.hour,
        description=f"Destroyed by the rule retention.{record.rule}.",
        metadata={
            "destroyed_at": dg.MetadataValue.timestamp(datetime.fromtimestamp(record.finished or record.begun, UTC)),
            "rule": record.rule,
            "record": dg.MetadataValue.path(str(path)),
        },
    )
