"""The feeds that a mailbox has: its messages, and what another system took of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed, FeedKind

if TYPE_CHECKING:
    from mailevents_dagster.model.columns import RowFormat
    from mailevents_dagster.model.outcome import OutcomesOf

SOURCE: Final = "mailbox"
CATEGORY: Final = "mailbox"


def _receipt_rows() -> RowFormat:
    from mailevents_dagster.sources.receipts import RECEIPT_ROWS

    return RECEIPT_ROWS


def _outcomes() -> OutcomesOf:
    from mailevents_dagster.sources.mailbox.outcomes import outcomes

    return outcomes


def _message_rows() -> RowFormat:
    from mailevents_dagster.sources.mailbox.rows import MESSAGE_ROWS

    return MESSAGE_ROWS


MESSAGES: Final = FeedKind(
    source=SOURCE,
    name=f"{CATEGORY}/messages",
    category=CATEGORY,
    type="messages",
    summary="The mails of a mailbox, each with its raw message: who it seems to be from and who it was from, to whom, "
    "what is attached.",
    load_rows=_message_rows,
    key=(),
    has_details=True,
    log_folder=CATEGORY,
    load_outcomes=_outcomes,
    facts={"read from": "Microsoft Graph or IMAP: a listing of the hour, and one call more for each message"},
)
SFTP: Final = FeedKind(
    source=SOURCE,
    name=f"{CATEGORY}/sftp",
    category=CATEGORY,
    type="sftp",
    summary="The mails that were delivered over SFTP: the database that each is in, and when it arrived.",
    load_rows=_receipt_rows,
    key=("sftp",),
    is_delivery=True,
    log_folder=CATEGORY,
    facts={"made of": "the committed mails of the same hour, and the outbox"},
)
FEED_KINDS: Final = {kind.name: kind for kind in (MESSAGES, SFTP)}
"""Every feed that a mailbox can have, by its name."""


def messages_of(address: str) -> Feed:
    return Feed(address, MESSAGES)
