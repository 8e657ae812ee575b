"""Amazon SES: its notifications, its events of one or several people, and received mails, as SNS delivers them."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from mailevents_dagster.files.json_text import NotJsonError, parse
from mailevents_dagster.sources.webhook.providers.provider import (
    Kind,
    Provider,
    Told,
    bare_id,
    dig,
    digest_id,
    json_object,
    text,
)
from mailevents_dagster.sources.webhook.providers.sns import NOTIFICATION, Fetch, Sns, fetch
from mailevents_dagster.sources.webhook.providers.values import address, code_of, enhanced_code_of, seconds
from mailevents_dagster.sources.webhook.spool.frames import Posted

_PARTS: Final = {
    "Send": ("send", Kind.ACCEPTED, ""),
    "Delivery": ("delivery", Kind.DELIVERED, "recipients"),
    "DeliveryDelay": ("deliveryDelay", Kind.DEFERRED, "delayedRecipients"),
    "Bounce": ("bounce", Kind.BOUNCED, "bouncedRecipients"),
    "Reject": ("reject", Kind.BOUNCED, ""),
    "Complaint": ("complaint", Kind.COMPLAINED, "complainedRecipients"),
    "Open": ("open", Kind.OPENED, ""),
    "Click": ("click", Kind.CLICKED, ""),
    "Subscription": ("subscription", Kind.UNSUBSCRIBED, ""),
    "Rendering Failure": ("failure", Kind.OTHER, ""),
}
"""Of each type: the object that tells of it, what it means, and the list of whom it is about, if not of all."""
_NO_COMPLAINTS: Final = ("not-spam", "auth-failure")
"""Types of feedback (RFC 5965) that tell of no recipient who complains: the contrary, or that a signature fails."""
_POLICY: Final = frozenset({"ContentRejected", "AttachmentRejected", "MessageTooLarge"})


def _tell(posted: Posted) -> Sequence[Told]:
    envelope = json_object(posted.body)
    if envelope.get("Type") != NOTIFICATION:
        return []
    id_ = text(envelope.get("MessageId")) or digest_id(envelope)
    told, at = _parsed(envelope.get("Message")), seconds(envelope.get("Timestamp"))
    type_ = text(told.get("eventType")) or text(told.get("notificationType"))
    if type_ is None:  # a topic may carry what is not of SES
        fields = {"kind": Kind.OTHER, "event": text(envelope.get("Subject"))}
        return [Told(id_, at, fields, envelope)]
    if type_ == "Received":
        return [_mail(id_, told)]
    return list(_events(id_, type_, told, at))


def _parsed(message: object) -> Mapping[str, Any]:
    try:
        value = parse(str(message).encode("utf-8", "surrogatepass"))
    except NotJsonError:
        return {}
    return value if isinstance(value, dict) else {}


def _events(id_: str, type_: str, told: Mapping[str, Any], at: float | None) -> Iterator[Told]:
    name, kind, list_ = _PARTS.get(type_, (type_[:1].lower() + type_[1:], Kind.OTHER, ""))
    part = dig(told, name)
    if dig(part, "complaintFeedbackType") in _NO_COMPLAINTS:
        kind = Kind.OTHER
    people = _people(dig(part, list_) if list_ else dig(told, "mail", "destination"))
    for recipient, about in people:
        answer = text(dig(about, "diagnosticCode")) or text(dig(part, "smtpResponse"))
        status = text(dig(about, "status"))
        yield Told(
            id=f"{id_}:{recipient}" if recipient else id_,
            time=seconds(dig(part, "timestamp")) or at,
            fields={
                "kind": kind,
                "event": type_,
                **_of_mail(told),
                "recipient": address(recipient) or recipient,
                "class": _class_of(kind, part),
                "code": code_of(answer),
                "enhanced_code": enhanced_code_of(status, answer),
                "text": answer
                or text(dig(part, "reason"))
                or text(dig(part, "complaintFeedbackType"))
                or text(dig(part, "errorMessage")),
                "relay_ip": text(dig(part, "remoteMtaIp")),
                "ip": text(dig(part, "ipAddress")),
                "user_agent": text(dig(part, "userAgent")),
            },
            said=told,
        )


def _people(named: object) -> list[tuple[str | None, object]]:
    """Return whom an event is about, each with what is said of that one; None where it names nobody."""
    several = named if isinstance(named, list) else []
    both = ((text(one) or text(dig(one, "emailAddress")), one) for one in several)
    return [(address, about) for address, about in both if address] or [(None, None)]


def _of_mail(told: Mapping[str, Any]) -> dict[str, object]:
    mail = dig(told, "mail")
    tags = dig(mail, "tags")
    return {
        "message_id": bare_id(dig(mail, "commonHeaders", "messageId")) or bare_id(dig(mail, "messageId")),
        "sender": address(dig(mail, "source")) or text(dig(mail, "source")),
        "subject": text(dig(mail, "commonHeaders", "subject")),
        "tags": [str(name) for name in tags if not str(name).startswith("ses:")] if isinstance(tags, dict) else [],
    }


def _class_of(kind: Kind, part: object) -> str | None:
    if kind is Kind.DEFERRED:
        return "soft"
    if kind is not Kind.BOUNCED:
        return None
    subtype = text(dig(part, "bounceSubType"))
    if subtype in _POLICY:
        return "policy"
    if subtype in ("Suppressed", "OnAccountSuppressionList"):
        return "other"  # SES did not try: nothing new is known of the address
    return {"Permanent": "hard", "Transient": "soft"}.get(str(dig(part, "bounceType")), "other")


def _mail(id_: str, told: Mapping[str, Any]) -> Told:
    """Return a received mail; its content is there unless SES put it into a bucket of S3."""
    content = text(told.get("content"))
    recipients = dig(told, "receipt", "recipients")
    return Told(
        id=id_,
        time=seconds(dig(told, "mail", "timestamp")),
        fields={
            "kind": Kind.INBOUND,
            "event": "Received",
            **_of_mail(told),
            "recipient": text(recipients[0]) if isinstance(recipients, list) and recipients else None,
        },
        said={name: value for name, value in told.items() if name != "content"},
        message=_raw(content) if content else None,
    )


def _raw(content: str) -> bytes:
    """Return a raw message, which SNS carries as it is or in base64; no header has only letters of base64."""
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (ValueError, binascii.Error):
        return content.encode("utf-8", "replace")


def ses_provider(fetch: Fetch = fetch) -> Provider:
    """Return the provider, which asks for Amazon's certificates in this way.

    SNS tries three times more within a minute, and for an hour at most where the topic's delivery policy says so.
    """
    return Provider("ses", Sns(fetch).prove, _tell, sends_again_hours=1, sends_all_again_seconds=60, asks_others=True)


SES: Final = ses_provider()
