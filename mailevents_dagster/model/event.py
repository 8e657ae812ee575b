"""Event: one record of a source as it was given, with what the store must know of it. Pure values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray


class Detail(StrEnum):
    """What is known of an event beyond its row in the listing."""

    WHOLE = "whole"
    """The record is all there is: it carries its detail, or records of its kind have none."""
    MISSING = "missing"
    """The detail could not be had; the listing row stands in its place and the next collection asks again."""
    STALE = "stale"
    """The row changed and its new detail could not be had; the earlier detail stands, and it is asked for again."""
    PURGED = "purged"
    """The source has the row but no longer its detail; it is not asked for again."""
    UNASKED = "unasked"
    """The settings say not to ask for details."""

    @property
    def is_owed(self) -> bool:
        """Whether the hour is incomplete for want of this detail."""
        return self in (Detail.MISSING, Detail.STALE)


@dataclass(frozen=True, slots=True)
class Event:
    """One event of an hour.

    `time` is the record's own (Unix seconds), or that of its neighbour in the listing where it has none to read.
    `identity` tells an event again in a later listing; equal ones are told apart by how often they occur.
    `listing` is the digest of the listing row: while it stays the same, the detail is not fetched again.
    """

    time: int
    identity: bytes
    listing: bytes
    detail: Detail
    raw: bytes
    """The record as one line of JSON, keys in the order of the source."""
    fields: Mapping[str, object] | None = field(default=None, compare=False, repr=False)
    """Those of the record's fields that have columns, where somebody has just parsed it."""


Places = NDArray[np.int64]
"""Numbers of the events of an open hour: first those known before, then those found, as they come."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Found events that the open hour has: an hour may have more than there is memory for."""

    places: Places
    times: Places
    """Their times, as the listing has them."""


@dataclass(frozen=True, slots=True)
class Gap:
    """A second with more rows than the source can show at once; or, with an end, a time that it shows nothing of."""

    second: int
    seen: int
    end: int | None = None
    why: str = ""
    """Why the source shows nothing of the time from `second` to `end`, for whoever asks."""


@dataclass(frozen=True, slots=True)
class ReadRange:
    """Bytes of a file that an hour was read from: each belongs to a line of the hour, or to one of another hour."""

    file: str
    """What the file is known by, whatever its name."""
    name: str
    """Its name when it was read."""
    first: int
    end: int
    lines: int
    """Of this hour."""
    other_lines: int
    """Of other hours,"""
    other_bytes: int
    """and how long these are."""


class Origin(StrEnum):
    """Where the events of an hour come from."""

    SOURCE = "api"
    LOGS = "logs"
    """Log files of the tool used before: nobody proved that they hold all that the source had."""
    PST = "pst"
    """An Outlook file: what a person kept there, which need not be all."""


@dataclass(frozen=True, slots=True)
class Collection:
    """What one collection of an hour found."""

    events: Sequence[Event] | Placed
    """Oldest first; rows the source showed in this collection, with the details that are known of them."""
    strays: frozenset[bytes]
    """Identities of events whose own time lies outside the window that returned them."""
    gaps: tuple[Gap, ...]
    listed_at: float
    """Unix time at which listing began: what appears later is not in here."""
    closed: bool
    """Listed after the settling time, so that a later listing is a check and not a completion."""
    measures: Mapping[str, float]
    """Numbers about the work itself, such as calls; they become metadata under these names."""
    notes: tuple[str, ...] = ()
    """What somebody should know of this collection; for the log of the run."""
    origin: Origin = Origin.SOURCE
    clock: float | None = None
    """The source's clock less this machine's, in seconds, where it says."""
    learnt: Mapping[str, float] = field(default_factory=dict)
    """What the source showed of itself, for its next collection."""
    ranges: tuple[ReadRange, ...] = ()
    """All that the hour was read from, this time and before, where its source has files."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the collection of an hour is."""

    listed: int
    details_done: int
    details_wanted: int
    next_may_begin: bool = False
    """All but the last answers are here: the source would idle if nobody asked for the next hour."""


WAITS_FOR_OTHER: Final = "not collected"
"""The cause where a feed is made of another that does not have the hour: it is mended where that is."""


class SourceError(Exception):
    """A source could not give an hour; the text says what happened, where, and what to do."""

    cause: str
    """One word for those who count."""
    is_passing: bool = False
    """It was asked for as often as it may be, and may succeed another time."""
    hour_is_gone: bool = False
    """The source no longer has the hour: no later collection can succeed, and none need wait for it."""
    refuses_feed: bool = False
    """The source refuses the feed, so that its other hours would fail in the same way."""
    until: float | None = None
    """The Unix time until which the source answers nobody, where it said so."""
    request: str = ""
    """What was asked for, without secrets."""
    attempt: int = 0
    milliseconds: int = 0


class StoppedError(Exception):
    """The collection was told to stop while it waited; that is no failure of the hour."""
