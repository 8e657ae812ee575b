"""The summaries there are: of which feeds, from which columns, and how they are counted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final

import pyarrow as pa

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.summaries import deliverability, quarantine, sign_ins, volume
from mailevents_dagster.summaries.counts import HOURS, HOURS_KEPT, by
from mailevents_dagster.summaries.outcomes import OUTCOMES


@dataclass(frozen=True, slots=True)
class SummaryKind:
    """One summary of a day, of a domain or of all."""

    name: str
    category: str
    description: str
    counting: ModuleType
    """Holds COLUMNS, of_hour, of_day and numbers."""
    of_domain: tuple[str, ...]
    """The numbers that domains are compared by."""
    shown: tuple[str, ...]
    """The numbers that a reader of the report is shown; further ones are in its other tables."""
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
        SummaryKind(
            "volume",
            "mail",
            "Mails in and out, hour by hour.",
            volume,
            of_domain=("mails_incoming", "mails_outgoing", "mails", "hours_kept"),
            shown=("mails", "mails_incoming", "mails_outgoing", "megabytes", "mails_in_busiest_hour"),
        ),
        SummaryKind(
            "deliverability",
            "mail",
            "What became of each mail for each recipient, and why not.",
            deliverability,
            of_domain=("units", "delivered", "deferred", "bounced", "rejected", "quarantined", "held"),
            shown=("units", *OUTCOMES, "deliveries_timed", *deliverability.QUANTILES),
        ),
        SummaryKind(
            "quarantine",
            "quarantine",
            "Why mails were kept back, and their scores.",
            quarantine,
            of_domain=("quarantined", "held", "kept_back"),
            shown=("kept_back", "quarantined", "held", "scored", "score_median"),
        ),
        SummaryKind(
            "sign_ins",
            "authentication",
            "Failed sign-ins, and hours with unusually many.",
            sign_ins,
            of_domain=("sign_ins", "failed", "users_with_failures", "spike_hours"),
            shown=("sign_ins", *sign_ins.RESULTS, "users_with_failures", "addresses_with_failures", "spike_hours"),
            personal=sign_ins.PERSONAL,
        ),
    )
}
