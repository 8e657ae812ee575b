"""The summaries there are: of which feeds, from which columns, and how they are counted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.feeds import Category, Feed
from mailevents_dagster.summaries import deliverability, quarantine, sign_ins, volume
from mailevents_dagster.summaries.counts import HOURS, HOURS_KEPT, by


@dataclass(frozen=True, slots=True)
class SummaryKind:
    """One summary of a day, of a domain or of all."""

    name: str
    category: Category
    description: str
    counting: ModuleType
    """Holds COLUMNS, of_hour, of_day and numbers."""
    personal: tuple[str, ...] = ()
    """Measures whose keys are personal data."""

    @property
    def columns(self) -> Sequence[str]:
        return list(self.counting.COLUMNS)

    @property
    def of_hour(self) -> Callable[[pa.Table, str], pa.Table]:
        """What a day's counts need of an hour's events; the text is the hour's key."""
        return self.counting.of_hour  # type: ignore[no-any-return]

    @property
    def of_day(self) -> Callable[[Sequence[pa.Table]], pa.Table]:
        """The counts of a feed from what `of_hour` gave, the oldest hour first."""
        return self.counting.of_day  # type: ignore[no-any-return]

    def numbers(self, counts: pa.Table) -> dict[str, Any]:
        """The main numbers, and how many of the day's hours they are of."""
        kept, hours = (sum(by(counts, measure).values()) for measure in (HOURS_KEPT, HOURS))
        return {**self.counting.numbers(counts), "hours_kept": kept, "hours": hours, "complete": kept == hours}

    def feeds(self, feeds: Iterable[Feed]) -> list[Feed]:
        """Those of the feeds that it is made of."""
        return [feed for feed in feeds if feed.kind.category == self.category]


KINDS: Final = {
    kind.name: kind
    for kind in (
        SummaryKind("volume", "mail", "Mails in and out, hour by hour.", volume),
        SummaryKind(
            "deliverability", "mail", "What became of each mail for each recipient, and why not.", deliverability
        ),
        SummaryKind("quarantine", "quarantine", "Why mails were kept back, and their scores.", quarantine),
        SummaryKind(
            "sign_ins", "authentication", "Failed sign-ins, and hours with unusually many.", sign_ins, sign_ins.PERSONAL
        ),
    )
}
