"""The feed of what became of a domain's mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed, FeedKind

if TYPE_CHECKING:
    from mailevents_dagster.model.columns import RowFormat

SOURCE: Final = "deliverability"
CATEGORY: Final = "deliverability"


def _rows() -> RowFormat:
    from mailevents_dagster.sources.outcomes.format import OUTCOME_ROWS

    return OUTCOME_ROWS


OUTCOMES: Final = FeedKind(
    source=SOURCE,
    name=f"{CATEGORY}/bounces",
    category=CATEGORY,
    type="bounces",
    summary="What became of each mail for each recipient at each attempt: delivered, deferred, bounced, complained of.",
    load_rows=_rows,
    key=("bounces",),
    makes_calls=False,
    log_folder=CATEGORY,
    comes_last=True,
    personal_parts=("proof",),
    facts={"made of": "the committed hours of the provider, mail servers, mailboxes and webhooks"},
)
FEED_KINDS: Final = {OUTCOMES.name: OUTCOMES}


def outcomes_of(domain: str) -> Feed:
    """Return the feed of a domain."""
    return Feed(domain, OUTCOMES)
