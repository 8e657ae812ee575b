"""Expired hours of a store, and their destruction. Loads no Dagster."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.collecting.outcomes import step_aside
from mailevents_dagster.files.stored_path import StoredPath
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings
from mailevents_dagster.sharing.locks import HeldError
from mailevents_dagster.store.destruction import destroying, take_back
from mailevents_dagster.store.destruction_record import Destruction, recorded
from mailevents_dagster.store.inventory import Inventory
from mailevents_dagster.store.opening import retention_of
from mailevents_dagster.store.retention import Clocks, Hold, Rule
from mailevents_dagster.store.store import Store
from mailevents_dagster.store.witness import newest_witnessed

DESTROYED_TOO_EARLY: Final = "destroyed by a clock that was ahead, before they had expired"


class MeaninglessHoldError(Exception):
    """A legal hold protects nothing."""


@dataclass(frozen=True, slots=True)
class ExpiredHours:
    """Hours of a feed that are older than its rule allows, oldest first, with their files."""

    feed: Feed
    rule: Rule
    due: Mapping[Hour, Sequence[StoredPath]]
    held: Mapping[Hold, Mapping[Hour, Sequence[StoredPath]]]
    """What legal holds keep."""


@dataclass(frozen=True, slots=True)
class NotDestroyed:
    """An hour that could not be destroyed; the next housekeeping tries it again."""

    feed: Feed
    hour: Hour
    said: str


def expired_hours(settings: Settings, store: Store, now: float) -> Iterator[ExpiredHours]:
    """Yield the expired hours of every feed that has any, even of feeds that the settings no longer name.

    `now` is how much of the time can be trusted: see Clocks. A hold that matches no feed raises MeaninglessHoldError
    before anything is yielded.
    """
    retention = retention_of(settings)
    if not retention.days:
        return
    feeds = _all_feeds(settings, store)
    for hold in retention.meaningless_holds(feeds):
        raise MeaninglessHoldError(
            f"retention.legal_hold: `{hold.feeds}` ({hold.reason}) matches no feed of the settings or the storage. "
            f"Correct the pattern or remove it; until then nothing is destroyed."
        )
    inventory = Inventory(store.layout, store.timezone, now)
    for feed in feeds:
        if rule := retention.rule(feed):
            files = inventory.files(feed, rule.cutoff(now))
            due: dict[Hour, Sequence[StoredPath]] = {}
            held: dict[Hold, dict[Hour, Sequence[StoredPath]]] = {}
            for expired in retention.expired(feed, files, now):
                kept_by = due if expired.hold is None else held.setdefault(expired.hold, {})
                kept_by[expired.hour] = files[expired.hour]
            if due or held:
                yield ExpiredHours(feed, rule, due, held)


def clocks_of(settings: Settings, store: Store, now: float) -> Clocks:
    """Return this machine's clock and the newest time that a source showed."""
    return Clocks(now, newest_witnessed(store, _all_feeds(settings, store)))


def destroyed_too_early(settings: Settings, store: Store, clocks: Clocks) -> Iterator[Destruction]:
    """Yield the records of hours that no clock counts as expired: they were destroyed by one that was wrong.

    Newest hours first, up to the first of each feed that has expired: looking at years of records takes minutes.
    """
    inventory = Inventory(store.layout, store.timezone, clocks.later)
    for feed in _all_feeds(settings, store):
        for hour in sorted(inventory.destroyed_or_begun(feed), reverse=True):
            record = recorded(store.layout, feed, hour)
            if record is None or _has_expired(feed, record, clocks.later):
                break
            yield record


def _all_feeds(settings: Settings, store: Store) -> list[Feed]:
    return sorted({*settings.feeds, *store.feeds()})


def _has_expired(feed: Feed, record: Destruction, now: float) -> bool:
    try:
        return record.end < Rule.of(feed, record.rule).cutoff(now)
    except ValueError:  # a rule of no version that we know
        return True


def take_back_destructions(store: Store, records: Iterable[Destruction]) -> int:
    """Count these hours as missing again, and return how many. Hours that another process holds wait for next time."""
    taken = 0
    for record in list(records):
        with suppress(HeldError):
            take_back(store, record, step_aside)
            taken += 1
    return taken


def destroy(store: Store, expired: ExpiredHours, most: int, until: float) -> Iterator[Destruction | NotDestroyed]:
    """Destroy the oldest hours that are due, until there are so many or the time has come (`time.monotonic()`).

    A record counts as begun until the next is asked for: after a kill before that, it is yielded again another time.
    Hours that another process holds wait for next time, too.
    """
    for hour, files in list(expired.due.items())[:most]:
        if time.monotonic() >= until:
            return
        try:
            with destroying(store, expired.feed, hour, files, str(expired.rule), step_aside) as record:
                if record:
                    yield record
        except HeldError:
            continue
        except OSError as error:  # the other hours go on
            yield NotDestroyed(expired.feed, hour, str(error))
