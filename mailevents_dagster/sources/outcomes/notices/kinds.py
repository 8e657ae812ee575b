"""Whether a message without a report may be a notice of a mail server: by who wrote it and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mailevents_dagster.sources.mailbox.messages.addresses import addresses_of
from mailevents_dagster.sources.mailbox.messages.head import Head
from mailevents_dagster.sources.mailbox.messages.values import plain_value, text_value
from mailevents_dagster.sources.outcomes.notices.addresses import addresses_in
from mailevents_dagster.sources.outcomes.notices.phrases import ANSWER, DAEMON, DAEMON_NAME, DELAYED, FAILED_SUBJECT

_NO_SENDERS: Final = ("<>", "", "<null>", "<mailer-daemon>", "mailer-daemon")
_FAILED_FIELDS: Final = ("x-failed-recipients", "x-bounced-address")
_LIST_SERVER: Final = "x-mlserver"
"""Of fml, a Japanese list server, which tells by itself that it took no mail."""
_LISTS: Final = ("list-id", "list-unsubscribe", "list-post")
_OWN: Final = ("to", "delivered-to", "x-original-to", "envelope-to", "from", "sender", "reply-to")


@dataclass(frozen=True, slots=True)
class Origin:
    """What the header tells of who wrote a message."""

    failed: tuple[str, ...]
    """Recipients that the header itself names as failed."""
    is_daemon: bool
    has_no_sender: bool
    """Nobody is told where it cannot be delivered, as with all notices."""
    tells_failure: bool
    """Its subject does."""
    tells_delay: bool
    is_of_list: bool
    is_answer: bool
    """Of a person, by its subject."""
    own: tuple[str, ...]
    """Who wrote the message and whom it is for."""


def origin_of(head: Head) -> Origin:
    """Return what the header tells of who wrote a message."""
    author = next(iter(addresses_of(head.all("from"))), None)
    name, address = (author.name, author.address) if author else ("", "")
    from_ = plain_value(head.first("from") or b"")
    subject = text_value(head.first("subject") or b"")[:500]
    return_path = head.first("return-path")
    return Origin(
        failed=tuple(
            one for field in _FAILED_FIELDS for raw in head.all(field) for one in addresses_in(plain_value(raw))
        ),
        is_daemon=bool(DAEMON.match(address) or DAEMON_NAME.search(name) or "<>" in from_ or head.first(_LIST_SERVER)),
        has_no_sender=return_path is not None and plain_value(return_path).strip().lower() in _NO_SENDERS,
        tells_failure=bool(FAILED_SUBJECT.search(subject)) and not ANSWER.match(subject),
        tells_delay=bool(DELAYED.search(subject)),
        is_of_list=any(head.first(field) is not None for field in _LISTS),
        is_answer=bool(ANSWER.match(subject)),
        own=tuple({one.address.lower() for field in _OWN for one in addresses_of(head.all(field)) if one.address}),
    )
