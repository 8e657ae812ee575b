"""The feeds of webhooks: one a webhook, of the type of its provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed, FeedKind

if TYPE_CHECKING:
    from mailevents_dagster.model.columns import RowFormat
    from mailevents_dagster.model.outcome import OutcomesOf

SOURCE: Final = "webhook"
CATEGORY: Final = "webhook"
NAMES: Final = {"sendgrid": "SendGrid", "mailgun": "Mailgun", "postmark": "Postmark", "ses": "Amazon SES"}
"""The names of the providers, by what settings call them."""


def _rows() -> RowFormat:
    from mailevents_dagster.sources.webhook.rows import WEBHOOK_ROWS

    return WEBHOOK_ROWS


def _outcomes() -> OutcomesOf:
    from mailevents_dagster.sources.webhook.outcomes import outcomes

    return outcomes


def _kind(provider: str) -> FeedKind:
    return FeedKind(
        source=SOURCE,
        name=f"{CATEGORY}/{provider}",
        category=CATEGORY,
        type=provider,
        summary=f"What {NAMES[provider]} tells of mails by webhook: what became of each, and mails that came in.",
        load_rows=_rows,
        key=(),
        makes_calls=False,
        log_folder=CATEGORY,
        load_outcomes=_outcomes,
        facts={"received by": "`mailevents receive`, which keeps each request in a spool until its hours are closed"},
    )


FEED_KINDS: Final = {kind.name: kind for kind in map(_kind, NAMES)}
"""Every feed that a webhook can have, by its name."""


def feed_of(name: str, provider: str) -> Feed:
    return Feed(name, FEED_KINDS[f"{CATEGORY}/{provider}"])
