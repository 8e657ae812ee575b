"""What is added to hours beside the source: from old logs, from files."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from mailevents_dagster.model.event import Collection, Event, Origin, Placed, Places
from mailevents_dagster.store.hour.open_hour import OpenHour


def with_all_known(work: OpenHour, places: Places, times: Places) -> Placed:
    """Return these events and all that the hour has, oldest first, so that none of these is taken for another."""
    known = work.known_events
    places, times = np.concatenate([known.places, places]), np.concatenate([known.times, times])
    order = np.argsort(times, kind="stable")
    return Placed(places[order], times[order])


def additions(work: OpenHour, events: Sequence[Event] | Placed, origin: Origin, *, closed: bool) -> Collection:
    """Return a collection of these events, with all that the source's own collection has said of the hour."""
    before = work.before if work.before and work.before.origin is Origin.SOURCE else None
    return Collection(
        events=events,
        strays=frozenset(),
        gaps=before.gaps if before else (),
        listed_at=before.listed_at if before else time.time(),
        closed=before.closed if before else closed,
        measures={},
        origin=origin,
    )
