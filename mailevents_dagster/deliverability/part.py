"""Part: one answer about a domain's mail, made once a day. Each folder beside this offers one; pure values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.columns import Column
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.outcomes.settings.section import DomainSettings
from mailevents_dagster.store.store import Store


@dataclass(frozen=True, slots=True)
class Made:
    """What a part makes of a day."""

    rows: pa.Table
    """With the columns of the part; kept as a Parquet file."""
    numbers: Mapping[str, float | str | bool]
    """What Dagster shows and plots of the day, and the report prints. Nothing in here names a person."""
    verdicts: Mapping[str, Verdict] = field(default_factory=dict)
    """The verdict of each check of the part, by its name."""
    said: str = ""
    """What somebody should read of the day, as Markdown: what changed, what is wrong, how to mend it."""
    chart: bytes | None = None
    """A picture of the day, as PNG."""


@dataclass(frozen=True, slots=True)
class Work:
    """A day of a domain that is to be made, and what it can be made of."""

    settings: Settings
    domain: DomainSettings
    store: Store
    day: Day
    stored: Callable[[str, Day], pa.Table | None]
    """Return what a part, by its name, has stored of this domain on a day; None where there is nothing."""
    note: Callable[[str], object] = lambda _: None
    """Is told what somebody should know, for the log of the run, and how far long work is."""


@dataclass(frozen=True, slots=True)
class Part:
    """One answer, and what Dagster must know to ask for it."""

    name: str
    """Ends its asset key, and names its files."""
    summary: str
    columns: tuple[Column, ...]
    make: Callable[[Work], Made]
    """Return the same for the same day again, unless what it is made of has changed."""
    checks: Mapping[str, str] = field(default_factory=dict)
    """What each check asks, by its name."""
    made_of: Callable[[Settings, DomainSettings], Sequence[Feed]] = lambda _settings, _domain: ()
    """The feeds whose hours of the day it is made of; none where it looks at the world."""
    is_wanted: Callable[[DomainSettings], bool] = lambda _: True
    is_made_hourly: bool = False
    """Whether the day under way is made each hour, too, of the hours that it has so far."""

    hand_over: Callable[[Work], object] = lambda _: None
    """Note in the outbox what other systems are to be told, once the day is stored."""

    def looks_at_the_world(self, settings: Settings, domain: DomainSettings) -> bool:
        """Return whether it is made of what is there now, so that a day that is over cannot be made."""
        return not self.made_of(settings, domain)
