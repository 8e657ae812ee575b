"""Reports of delivery (RFC 3464, 6533): what they say of each recipient, and what the text beside them adds."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mailevents_dagster.failures.replies import Reply, reply_in
from mailevents_dagster.sources.messages.values import seconds_of
from mailevents_dagster.sources.outcomes.notices.addresses import like
from mailevents_dagster.sources.outcomes.notices.examined import Examined
from mailevents_dagster.sources.outcomes.notices.fields import Group, address_of, first, groups_of, typed
from mailevents_dagster.sources.outcomes.notices.mail import Mail
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind, Original
from mailevents_dagster.sources.outcomes.notices.verdicts import failed

STATUS_TYPES: Final = ("message/delivery-status", "message/global-delivery-status")
_RECIPIENT: Final = ("final-recipient", "original-recipient", "x-actual-recipient")
_MUST_HAVE: Final = ("action", "status", "diagnostic-code")
_SENDERS: Final = re.compile(r"x-[\w-]{1,30}-sender")
_QUEUE_IDS: Final = re.compile(r"x-[\w-]{1,30}-queue-id")
_STATUS: Final = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b[\s(]*([^)]*)")
_HOST: Final = re.compile(r"\[?([\w.:-]+)")
_GOOD_NEWS: Final = ("delivered", "relayed", "expanded", "deliverable")
_LATE: Final = "delayed"
_SAYS_LITTLE: Final = re.compile(r"[\d\s().,-]*")


def told_in_report(message: Examined) -> list[Notice]:
    """Return what the report says of each recipient; none where the message holds no report."""
    groups = groups_in(message.mail)
    whole = next((group for group in groups if first(group, "reporting-mta", "arrival-date")), {})
    told = [group for group in groups if group.keys() & {*_MUST_HAVE}]
    recipients = [group for group in told if group.keys() & {*_RECIPIENT} or group.keys() >= {"action", "status"}]
    sole = len(recipients) == 1
    return [_notice(message, group, whole, sole=sole) for group in recipients]


def groups_in(mail: Mail) -> list[Group]:
    """Return the fields of the report: of a part of its own, or of the text where a gateway put them there."""
    parts = mail.of_types(*STATUS_TYPES)
    if parts:
        return [group for part in parts for group in groups_of(part.text)]
    text = mail.text
    start = re.search(r"^[ \t]*(?:Reporting-MTA|Final-Recipient|Original-Recipient)[ \t]*:", text, re.I | re.M)
    return groups_of(text[: start.start()][-300:].rpartition("\n\n")[2] + text[start.start() :]) if start else []


def _notice(message: Examined, group: Group, whole: Group, *, sole: bool) -> Notice:
    original = message.original
    final, first_one = _recipients(group)
    recipient = _recipient(final, first_one, original, sole=sole)
    action = (first(group, "action").split() or [""])[0].strip(";,.").lower()
    told = Notice(
        kind=NoticeKind.RECEIPT,
        recipient=recipient,
        rule="delivery-status",
        action=action or None,
        final_recipient=final,
        original_recipient=first_one,
        remote_host=_host(first(group, "remote-mta")),
        reporting_host=_host(first(whole, "reporting-mta") or first(group, "reporting-mta")),
        arrived=_time(whole, group, "arrival-date"),
        last_attempt=_time(group, whole, "last-attempt-date"),
        envelope_id=first(whole, "original-envelope-id") or first(group, "original-envelope-id") or None,
        original=_with_sender(original, whole),
    )
    if action in _GOOD_NEWS:
        status = _STATUS.search(first(group, "status"))
        return replace(told, enhanced_code=status[1] if status else None)
    is_late = action == _LATE if action else message.is_late
    told = replace(told, kind=NoticeKind.DEFERRAL if is_late else NoticeKind.BOUNCE)
    return _with_reason(told, group, message, sole=sole)


def _recipients(group: Group) -> tuple[str | None, str | None]:
    """Return the final recipient and the one that the mail was sent to, as far as they have domains."""
    final = address_of(first(group, "final-recipient")) or address_of(first(group, "x-actual-recipient"))
    return final, address_of(first(group, "original-recipient"))


def _recipient(final: str | None, first_one: str | None, original: Original, *, sole: bool) -> str | None:
    """Return the address that the mail was sent to; the mail that came back decides where two are named."""
    if final and first_one and like(final, original.recipients) and not like(first_one, original.recipients):
        return final
    named = first_one or final
    if named is None and sole and len(original.recipients) == 1:
        return original.recipients[0]
    return named


def _with_reason(told: Notice, group: Group, message: Examined, *, sole: bool) -> Notice:
    status = _STATUS.search(first(group, "status"))
    own = status[1] if status else None
    kind, text = typed(first(group, "diagnostic-code"))
    reply = reply_in(text)
    around = ""
    if (reply.code is None and kind in ("", "smtp") and not own) or _SAYS_LITTLE.fullmatch(text):
        around = message.prose.text if sole else ""
        said = _said_of(told, message, sole=sole)
        text = said or text or (status[2].strip() if status else "")
        reply = reply_in(text)
    code = reply.code or reply_in(first(group, "status")).code
    if code is None and kind in ("", "smtp") and text in (said := _said_of(told, message, sole=sole)):
        code = reply_in(said).code
    return failed(
        told,
        code,
        _enhanced(reply, own),
        text,
        diagnostic_type=kind or None,
        around=around,
        is_guess=kind == "smtp" and reply.code is not None and reply.enhanced is None,
    )


def _said_of(told: Notice, message: Examined, *, sole: bool) -> str:
    """Return what the text for people says of a recipient; of the only one by whatever name."""
    names = (told.recipient, told.final_recipient, told.original_recipient)
    named = (message.reasons.get(name.lower(), "") for name in names if name)
    found = next((reason for reason in named if reason), "")
    return message.said[0].reason if not found and sole and len(message.said) == 1 else found


def _enhanced(reply: Reply, own: str | None) -> str | None:
    """Return the code that says most: of the answer, or that which the server made of it."""
    if reply.enhanced and (reply.is_attached or own is None) and not reply.enhanced.endswith(".0.0"):
        return reply.enhanced
    if own and not own.endswith(".0.0"):
        return own
    return reply.enhanced if reply.enhanced and not reply.enhanced.endswith(".0.0") else own or reply.enhanced


def _host(value: str) -> str | None:
    found = _HOST.match(typed(value)[1])
    return found[1].rstrip(".").lower() if found else None


def _time(group: Group, other: Group, name: str) -> int | None:
    return seconds_of((first(group, name) or first(other, name)).encode())


def _with_sender(original: Original, whole: Group) -> Original:
    """Return the original with the envelope sender that Postfix and others tell."""
    senders: Iterable[str | None] = (
        address_of(values[0]) for name, values in whole.items() if _SENDERS.fullmatch(name)
    )
    sender = next((one for one in senders if one), None)
    message_id = first(whole, "x-original-message-id").strip("<> ")
    return replace(original, sender=sender or original.sender, message_id=original.message_id or message_id or None)
