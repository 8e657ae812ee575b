"""The mail that came back with a notice: what its header tells."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from mailevents_dagster.sources.messages.addresses import addresses_of
from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.head import Head, read_head, skip_envelope
from mailevents_dagster.sources.messages.lines import Lines
from mailevents_dagster.sources.messages.values import ids_of, seconds_of
from mailevents_dagster.sources.outcomes.notices.mail import Mail, MailPart
from mailevents_dagster.sources.outcomes.notices.notice import Original

RETURNED: Final = (
    "message/rfc822",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global",
    "message/global-headers",
    "text/rfc822",
    "text/rfc822-header",
)
_RECIPIENTS: Final = (
    ("x-hmxmroriginalrecipient",),
    ("x-envelope-to", "envelope-to", "x-rcpt-to", "original-recipient"),
    ("to", "cc", "bcc", "apparently-to"),
    ("resent-to",),
)
"""The first of these that names somebody."""
_FROM: Final = re.compile(rb"^from:", re.IGNORECASE | re.MULTILINE)
_SENDERS: Final = ("return-path", "x-envelope-from", "envelope-from", "from")


def returned_in(mail: Mail) -> Head | None:
    """Return the header of the mail that came back as a part of its own."""
    part = next(iter(mail.of_types(*RETURNED)), None) or _headers_as_text(mail)
    return head_of(bytes(part.data)) if part else None


def _headers_as_text(mail: Mail) -> MailPart | None:
    """Return the part behind a report that is a header by its look, though its type is another."""
    if not mail.of_types("message/delivery-status", "message/feedback-report"):
        return None
    parts = [*mail.of_types("text/plain")[1:], *mail.of_types("application/octet-stream")]
    return next((part for part in parts if _FROM.search(part.data)), None)


def head_of(data: bytes) -> Head:
    """Return the header that stands at the beginning of these bytes."""
    lines, faults = Lines([data]), Faults()
    skip_envelope(lines, faults)
    return read_head(lines, lambda _: False, faults)


def original_of(head: Head | None) -> Original:
    """Return what the header of the mail that came back tells."""
    if head is None:
        return Original()
    recipients = next((found for names in _RECIPIENTS if (found := [*_addresses(head, names)])), [])
    return Original(
        message_id=next(iter(ids_of(head.first("message-id"))), None),
        sender=next(_addresses(head, _SENDERS), None),
        recipients=tuple(dict.fromkeys(address.lower() for address in recipients)),
        sent=seconds_of(head.first("date") or b""),
    )


def _addresses(head: Head, names: Iterable[str]) -> Iterator[str]:
    return (one.address for name in names for one in addresses_of(head.all(name)) if "@" in one.address)
