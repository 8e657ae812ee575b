"""What a message is for, told by the types of its parts and by its header. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.sources.messages.head import Head
from mailevents_dagster.sources.messages.message import Address, Kind
from mailevents_dagster.sources.messages.part import Part
from mailevents_dagster.sources.messages.values import plain_value, text_value

STATUS_TYPES: Final = ("message/delivery-status", "message/global-delivery-status")
_RECEIPT_TYPES: Final = ("message/disposition-notification", "message/global-disposition-notification")
_REPORTS: Final = {
    "delivery-status": Kind.BOUNCE,
    "disposition-notification": Kind.RECEIPT,
    "feedback-report": Kind.REPORT,
}
_ACTION: Final = re.compile(rb"^action[ \t]*:[ \t]*([a-z]+)", re.IGNORECASE | re.MULTILINE)
_GOOD_NEWS: Final = frozenset({b"delivered", b"relayed", b"expanded"})
_COMPLAINT: Final = re.compile(r"\s*complaint about message from [\d.:a-f]+\s*", re.IGNORECASE)
"""The subject of Hotmail's complaints, which are no reports of the Abuse Reporting Format."""
_BOUNCE_FIELDS: Final = ("x-failed-recipients", "x-ms-exchange-message-is-ndr")
_DAEMON: Final = re.compile(
    r"mail(?:er)?[-_. ]?daemon|mail delivery (?:sub)?system|mail delivery service", re.IGNORECASE
)
_POSTMASTER: Final = re.compile(r"poo?stmaster\b|system administrator", re.IGNORECASE)
_NOT_DELIVERED: Final = re.compile(
    r"undeliver|deliver\w* (?:status|fail|error|problem|has failed|report|notification)|fail\w* (?:notice|to deliver)|"
    r"returned? (?:mail|message|to sender)|(?:mail|message) (?:system error|delivery)|could ?n[o']t be delivered|"
    r"non-?delivery|unzustellbar|iletilemedi|teslim edilemedi|배달[되하]지|반송|送信エラー|配信不能",
    re.IGNORECASE,
)
_AUTOMATIC_FIELDS: Final = (
    "x-autoreply",
    "x-auto-reply",
    "x-autorespond",
    "x-autoresponder",
    "x-autoreply-from",
    "x-mail-autoreply",
)
_ANSWERS: Final = ("in-reply-to", "references", "x-auto-response-suppress")


@dataclass(slots=True)
class Seen:
    """What of the parts of a message tells its kind."""

    types: set[str] = field(default_factory=set)
    has_meeting: bool = False
    actions: set[bytes] = field(default_factory=set)
    """What became of the recipients of a mail, as its delivery status says."""
    message_class: str = ""
    """What Outlook calls it."""

    def add(self, part: Part, within: str | None) -> None:
        self.types.add(part.type)
        is_shown = within in (None, "multipart/alternative") and not part.is_attached
        if part.type == "text/calendar" and (part.method or is_shown):
            self.has_meeting = True

    def add_status(self, status: bytes) -> None:
        self.actions.update(action.lower() for action in _ACTION.findall(status))


def kind_of(head: Head, root: Part, author: Address | None, seen: Seen) -> Kind:
    """Return the kind: by reports of the RFCs first, then by meetings, then by the habits of mail servers."""
    kind = _REPORTS.get((root.report_type or "").lower()) if root.is_multipart else None
    if kind is Kind.BOUNCE or seen.types & set(STATUS_TYPES):
        return Kind.RECEIPT if seen.actions and seen.actions <= _GOOD_NEWS else Kind.BOUNCE
    if kind is not None:
        return kind
    subject = text_value(head.first("subject") or b"")
    if "message/feedback-report" in seen.types or _COMPLAINT.fullmatch(subject):
        return Kind.REPORT
    if seen.types & set(_RECEIPT_TYPES):
        return Kind.RECEIPT
    outlook = seen.message_class.lower()
    if outlook.startswith("report."):
        return Kind.BOUNCE if outlook.endswith((".ndr", ".delayed")) else Kind.RECEIPT
    if seen.has_meeting or outlook.startswith(("ipm.schedule.meeting", "ipm.microsoft schedule")):
        return Kind.MEETING
    if _is_bounce(head, author, subject):
        return Kind.BOUNCE
    return Kind.AUTO_REPLY if _is_auto_reply(head) else Kind.NOTE


def _is_bounce(head: Head, author: Address | None, subject: str) -> bool:
    if any(head.first(name) is not None for name in _BOUNCE_FIELDS):
        return True
    name, address = (author.name, author.address) if author else ("", "")
    if _DAEMON.fullmatch(address.partition("@")[0]):
        return True
    has_no_sender = plain_value(head.first("return-path") or b"<unknown>").strip() == "<>"
    is_daemon = bool(_DAEMON.search(name))
    is_server = is_daemon or bool(_POSTMASTER.match(address) or _POSTMASTER.search(name))
    return (is_daemon and has_no_sender) or ((is_server or has_no_sender) and bool(_NOT_DELIVERED.search(subject)))


def _is_auto_reply(head: Head) -> bool:
    """Return whether it answers by itself. What a program wrote of its own accord (auto-generated) is no answer."""
    submitted = plain_value(head.first("auto-submitted") or b"").lower()
    if submitted.startswith("auto-replied"):
        return True
    if submitted.startswith("auto-") and any(head.first(name) for name in _ANSWERS):
        return True
    if plain_value(head.first("precedence") or b"").lower() in ("auto_reply", "auto-reply"):
        return True
    return any(plain_value(head.first(name) or b"no").lower() not in ("", "no") for name in _AUTOMATIC_FIELDS)
