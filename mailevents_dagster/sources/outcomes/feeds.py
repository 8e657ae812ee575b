"""The feed of what became of a domain's mails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed, FeedKind

if TYPE_CHECKING:
    from mailevents_dagster.model.columns import RowFormat

SOURCE: Final = "deliverability"
CATEGORY: Final = "deliverability"
SUPPRESSION_LIST: Final = "suppression"
"""The daily answer that is a list of all who must not be mailed."""


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


def _receipt_rows() -> RowFormat:
    from mailevents_dagster.sources.receipts import RECEIPT_ROWS

    return RECEIPT_ROWS


def _push_kind(receiver: str, called: str) -> FeedKind:
    return FeedKind(
        source=SOURCE,
        name=f"{CATEGORY}/suppression_{receiver}",
        category=CATEGORY,
        type=f"suppression_{receiver}",
        summary=f"What {called} was told of the suppression list: its answer to each addition and removal, and when.",
        load_rows=_receipt_rows,
        key=(f"suppression_{receiver}",),
        makes_calls=False,
        is_delivery=True,
        log_folder=CATEGORY,
        comes_last=True,
        facts={"made of": "the outbox, which the day's suppression list puts additions and removals into"},
    )


SUPPRESSION_SQS: Final = _push_kind("sqs", "the queue")
SUPPRESSION_WEBHOOK: Final = _push_kind("webhook", "the address")
FEED_KINDS: Final = {kind.name: kind for kind in (OUTCOMES, SUPPRESSION_SQS, SUPPRESSION_WEBHOOK)}


def outcomes_of(domain: str) -> Feed:
    """Return the feed of a domain."""
    return Feed(domain, OUTCOMES)
