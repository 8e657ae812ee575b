"""Receipts that the program of a recipient wrote: displayed, deleted and the like (RFC 8098)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from mailevents_dagster.sources.messages.addresses import addresses_of
from mailevents_dagster.sources.messages.values import text_value
from mailevents_dagster.sources.outcomes.notices.examined import Examined
from mailevents_dagster.sources.outcomes.notices.fields import address_of, first, groups_of
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind
from mailevents_dagster.sources.outcomes.notices.verdicts import failed

_REFUSED: Final = "deleted"
_REJECTED: Final = re.compile(r"\b(?:auto(?:matically)?|was|been) (?:rejected|refused)\b", re.IGNORECASE)
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
    told = [
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
    return [_rejected(one, message) if one.action == _REFUSED else one for one in told]


def _rejected(told: Notice, message: Examined) -> Notice:
    """Return the refusal that a receipt is where Sieve's reject wrote it (RFC 5429): its text says so."""
    subject = text_value(message.mail.head.first("subject") or b"")
    text = message.prose.text
    if not _REJECTED.search(subject) and not _REJECTED.search(text):
        return told
    return failed(replace(told, kind=NoticeKind.BOUNCE), None, None, text)
