"""Hours that are kept and not shown in Dagster: a killed run tells nobody what it had done, a new home knows none.

They are shown from their manifests, without a call to the API.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from dagster import AssetKey, AssetMaterialization, DagsterInstance

from mailevents_dagster.collecting.planning import FeedState
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour, hours_between
from mailevents_dagster.orchestration.destruction import observation
from mailevents_dagster.orchestration.metadata import manifest_metadata
from mailevents_dagster.store.destruction_record import Destruction, read_destruction
from mailevents_dagster.store.manifest import Manifest
from mailevents_dagster.store.store import Store

FEEDS_A_TICK: Final = 25
"""A feed with a year of hours takes some 30 ms to compare."""
HOURS_A_TICK: Final = 500
SECONDS_A_TICK: Final = 2.5
"""The rest waits for the next tick: showing an hour takes some 10 ms, a feed whose manifests are gone half a second."""


def show_what_is_kept(
    instance: DagsterInstance,
    store: Store,
    states: Sequence[FeedState],
    first: int,
    clock: Callable[[], float] = time.monotonic,
) -> tuple[int, int]:
    """Looks at some feeds from a place on, all of them in turn; returns how many hours it showed, and the next place.

    Leave out feeds that a run has under way: what it has done it shows when it ends.
    """
    turn = [states[place % len(states)] for place in range(first, first + min(FEEDS_A_TICK, len(states)))]
    shown, until = 0, clock() + SECONDS_A_TICK
    for state in turn:
        for manifest in _not_shown(instance, store, state):
            instance.report_runless_asset_event(_materialization(store, state.feed, manifest))
            if record := _destruction(store, state.feed, manifest):
                instance.report_runless_asset_event(observation(store, record))
            shown += 1
            if shown >= HOURS_A_TICK or clock() >= until:
                return shown, first % len(states)
        first += 1
        if clock() >= until:
            break
    return shown, first % len(states) if states else 0


def _not_shown(instance: DagsterInstance, store: Store, state: FeedState) -> Iterator[Manifest]:
    if state.cursor is None:
        return
    known = instance.get_materialized_partitions(AssetKey(state.feed.asset_key))
    for first, end in state.cursor.closed:
        for hour in hours_between(first, end, store.timezone):
            if hour.key not in known and (manifest := _manifest(store, state, hour)):
                yield manifest


def _materialization(store: Store, feed: Feed, manifest: Manifest) -> AssetMaterialization:
    hour = Hour(manifest.start, store.timezone)
    metadata = manifest_metadata(manifest, store.layout.log(feed, hour), store.layout.snapshot(feed, hour))
    return AssetMaterialization(AssetKey(feed.asset_key), partition=hour.key, metadata=metadata)


def _destruction(store: Store, feed: Feed, manifest: Manifest) -> Destruction | None:
    try:
        return read_destruction(store.layout.destruction(feed, Hour(manifest.start, store.timezone)))
    except DamagedError:  # the hour is no less destroyed; whoever asks for it is told
        return None


def _manifest(store: Store, state: FeedState, hour: Hour) -> Manifest | None:
    try:
        return store.manifest(state.feed, hour)
    except DamagedError:  # its next collection says so
        return None
