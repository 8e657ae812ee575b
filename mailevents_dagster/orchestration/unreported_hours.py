"""Hours that are kept and that Dagster does not show: a killed run reported none of its own, a new home knows none.

They are reported from their manifests, without a call to the source.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

from dagster import AssetKey, AssetMaterialization, DagsterInstance

from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.orchestration.destruction import observation
from mailevents_dagster.orchestration.metadata import manifest_metadata
from mailevents_dagster.store.destruction_record import read_destruction
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.store import Store

FEEDS_A_TICK: Final = 25
"""A feed with a year of hours takes some 30 ms to compare."""
HOURS_A_TICK: Final = 500
SECONDS_A_TICK: Final = 2.5
"""The rest waits for the next tick: reporting an hour takes 10 ms, a feed whose manifests are gone half a second."""


def report_hours(
    instance: DagsterInstance,
    store: Store,
    states: Sequence[FeedState],
    first: int,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[int, int]:
    """Report hours of some feeds, from a place among them on; return how many hours, and where to go on.

    Leave out feeds of runs under way: a run reports its hours when it ends.
    """
    if not states:
        return 0, 0
    reported, until = 0, clock() + SECONDS_A_TICK
    for place in range(first, first + min(FEEDS_A_TICK, len(states))):
        state = states[place % len(states)]
        for manifest in _unreported(instance, store, state):
            _report(instance, store, state.feed, manifest)
            reported += 1
            if reported >= HOURS_A_TICK or clock() >= until:
                return reported, place % len(states)
        if clock() >= until:
            break
    return reported, (place + 1) % len(states)


def _unreported(instance: DagsterInstance, store: Store, state: FeedState) -> Iterator[Manifest]:
    if state.cursor is None:
        return
    known = instance.get_materialized_partitions(AssetKey(state.feed.asset_key))
    closed = (hour for first, end in state.cursor.closed for hour in hours_between(first, end, store.timezone))
    yield from store.readable_manifests(state.feed, (hour for hour in closed if hour.key not in known))


def _report(instance: DagsterInstance, store: Store, feed: Feed, manifest: Manifest) -> None:
    hour = Hour(manifest.start, store.timezone)
    metadata = manifest_metadata(feed, manifest, store.layout.log(feed, hour), store.layout.snapshot(feed, hour))
    key = AssetKey(feed.asset_key)
    instance.report_runless_asset_event(AssetMaterialization(key, partition=hour.key, metadata=metadata))
    with suppress(DamagedError):  # whoever asks for the destroyed hour is told
        if record := read_destruction(store.layout.destruction(feed, hour)):
            instance.report_runless_asset_event(observation(store, record))
