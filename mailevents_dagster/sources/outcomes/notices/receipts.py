"""Receipts that the program of a recipient wrote: displayed, deleted and the like (RFC 8098)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mailevents_dagster.sources.mailbox.messages.addresses import addresses_of
from mailevents_dagster.sources.outcomes.notices.examined import Examined
from mailevents_dagster.sources.outcomes.notices.fields import address_of, first, groups_of
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind

_TYPES: Final = ("message/disposition-notification", "message/global-disposition-notification")


def receipts_in(message: Examined) -> list[Notice]:
    """Return the receipt that a message is; none where it is no receipt."""
    mail, original = message.mail, message.original
    report = next(iter(mail.of_types(*_TYPES)), None)
    if report is None and (mail.root.report_type or "").lower() != "disposition-notification":
        return []
    groups = groups_of(report.text) if report else []
    group = next((one for one in groups if first(one, "final-recipient", "disposition")), {})
    final = address_of(first(group, "final-recipient"))
    named = address_of(first(group, "original-recipient"))
    author = next((one.address for one in addresses_of(mail.head.all("from")) if "@" in one.address), None)
    message_id = first(group, "original-message-id").strip("<> ") or original.message_id
    return [
        Notice(
            kind=NoticeKind.RECEIPT,
            recipient=named or final or author,
            rule="disposition",
            text=first(group, "disposition") or None,
            action=first(group, "disposition").rpartition(";")[2].partition("/")[0].strip().lower() or None,
            final_recipient=final,
            original_recipient=named,
            original=replace(original, message_id=message_id),
        )
    ]
