"""The feed that a mailbox has: its messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from mailevents_dagster.model.feed import Feed, FeedKind

if TYPE_CHECKING:
    from mailevents_dagster.model.columns import RowFormat

SOURCE: Final = "mailbox"
CATEGORY: Final = "mailbox"


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
    facts={"read from": "Microsoft Graph or IMAP: a listing of the hour, and one call more for each message"},
)
FEED_KINDS: Final = {MESSAGES.name: MESSAGES}
"""Every feed that a mailbox can have, by its name."""


def messages_of(address: str) -> Feed:
    return Feed(address, MESSAGES)
