"""The summaries there are: of which feeds, from which columns, and how they are counted. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pyarrow as pa

from mailevents_dagster.model.feed import Feed
from mailevents_dagster.sources.maillog.feeds import BOUNCES, CATEGORY, PROGRAMS
from mailevents_dagster.sources.statuses import OUTCOMES, SIGN_INS
from mailevents_dagster.summaries import deliverability, quarantine, server_bounces, server_traffic, sign_ins, volume
from mailevents_dagster.summaries.counts import HOURS, HOURS_KEPT, by, total


@dataclass(frozen=True, slots=True)
class SummaryKind:
    """One summary of a day, of a domain or a server, or of all of them."""

    name: str
    category: str
    description: str
    columns: tuple[str, ...]
    of_hour: Callable[[pa.Table, str], pa.Table]
    """What a day's counts need of an hour's events; the text is the hour's key."""
    numbers_of: Callable[[pa.Table], dict[str, float]]
    """The main numbers of counts, under names that stay the same."""
    compared: tuple[str, ...]
    """The numbers that domains or servers are compared by."""
    shown: tuple[str, ...]
    """The numbers that a reader of the report is shown; others are in its further tables."""
    personal: tuple[str, ...] = ()
    """Measures whose keys are personal data."""
    types: tuple[str, ...] = ()
    """The types of the category's feeds that it is made of; where none is named, of all."""
    owner: Literal["domain", "server"] = "domain"
    """What owns the feeds that it is made of."""
    of_day: Callable[[Sequence[pa.Table]], pa.Table] = total
    """The counts of a feed from what `of_hour` returned, the oldest hour first."""

    def numbers(self, counts: pa.Table) -> dict[str, Any]:
        """Return the main numbers, and how many of the day's hours they are of."""
        kept, hours = (sum(by(counts, measure).values()) for measure in (HOURS_KEPT, HOURS))
        return {**self.numbers_of(counts), "hours_kept": kept, "hours": hours, "complete": kept == hours}

    def feeds(self, feeds: Iterable[Feed]) -> list[Feed]:
        """Return the feeds that it is made of."""
        of_category = (feed for feed in feeds if feed.kind.category == self.category)
        return [feed for feed in of_category if not self.types or feed.kind.type in self.types]


KINDS: Final = {
    kind.name: kind
    for kind in (
        SummaryKind(
            "volume",
            "mail",
            "Mails in and out, hour by hour.",
            volume.COLUMNS,
            volume.of_hour,
            volume.numbers,
            compared=("mails_incoming", "mails_outgoing", "mails", "hours_kept"),
            shown=("mails", "mails_incoming", "mails_outgoing", "megabytes", "mails_in_busiest_hour"),
        ),
        SummaryKind(
            "deliverability",
            "mail",
            "What became of each mail for each recipient, and why not.",
            deliverability.COLUMNS,
            deliverability.of_hour,
            deliverability.numbers,
            compared=("units", "delivered", "deferred", "bounced", "rejected", "quarantined", "held"),
            shown=("units", *OUTCOMES, "deliveries_timed", *deliverability.QUANTILES),
            of_day=deliverability.of_day,
        ),
        SummaryKind(
            "quarantine",
            "quarantine",
            "Why mails were kept back, and their scores.",
            quarantine.COLUMNS,
            quarantine.of_hour,
            quarantine.numbers,
            compared=("quarantined", "held", "kept_back"),
            shown=("kept_back", "quarantined", "held", "scored", "score_median"),
        ),
        SummaryKind(
            "sign_ins",
            "authentication",
            "Failed sign-ins, and hours with unusually many.",
            sign_ins.COLUMNS,
            sign_ins.of_hour,
            sign_ins.numbers,
            compared=("sign_ins", "failed", "users_with_failures", "spike_hours"),
            shown=("sign_ins", *SIGN_INS, "users_with_failures", "addresses_with_failures", "spike_hours"),
            personal=sign_ins.PERSONAL,
        ),
        SummaryKind(
            "server_traffic",
            CATEGORY,
            "What went through mail servers, hour by hour.",
            server_traffic.COLUMNS,
            server_traffic.of_hour,
            server_traffic.numbers,
            compared=("arrivals", "deliveries", "deferrals", "bounces", "rejections"),
            shown=(
                *server_traffic.EVENTS.values(),
                *("arrivals_in_busiest_hour", "megabytes", "lines", "unknown_lines"),
            ),
            types=tuple(PROGRAMS),
            owner=BOUNCES.owner,
        ),
        SummaryKind(
            "server_bounces",
            CATEGORY,
            "Attempts of mail servers that failed, why, and at which receivers.",
            server_bounces.COLUMNS,
            server_bounces.of_hour,
            server_bounces.numbers,
            compared=("failures", "bounces", "deferrals", *server_bounces.FAILURE_CLASSES),
            shown=("failures", "bounces", "deferrals", *server_bounces.FAILURE_CLASSES, "with_pattern"),
            types=(BOUNCES.type,),
            owner=BOUNCES.owner,
        ),
    )
}
