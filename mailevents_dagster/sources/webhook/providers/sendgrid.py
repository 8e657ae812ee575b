"""SendGrid: its event webhook, whose requests hold many events and are signed, and its inbound parse.

Signed requests carry an ECDSA signature of timestamp and body, made with the key whose public half the console shows.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from hashlib import blake2b
from typing import Any, Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailevents_dagster.files.json_text import NotJsonError, parse
from mailevents_dagster.sources.messages.charsets import text_of
from mailevents_dagster.sources.webhook.providers.forms import Form, form_of
from mailevents_dagster.sources.webhook.providers.provider import (
    Access,
    Kind,
    Provider,
    RefusedError,
    Request,
    Status,
    Told,
    bare_id,
    check_age,
    digest_id,
    json_value,
    text,
)
from mailevents_dagster.sources.webhook.providers.values import (
    address,
    code_of,
    enhanced_code_of,
    number,
    seconds,
    tags_of,
)
from mailevents_dagster.sources.webhook.spool.frames import Posted

SIGNATURE: Final = "x-twilio-email-event-webhook-signature"
TIMESTAMP: Final = "x-twilio-email-event-webhook-timestamp"
_KINDS: Final = {
    "processed": Kind.ACCEPTED,
    "delivered": Kind.DELIVERED,
    "deferred": Kind.DEFERRED,
    "bounce": Kind.BOUNCED,
    "dropped": Kind.BOUNCED,
    "spamreport": Kind.COMPLAINED,
    "open": Kind.OPENED,
    "click": Kind.CLICKED,
    "unsubscribe": Kind.UNSUBSCRIBED,
    "group_unsubscribe": Kind.UNSUBSCRIBED,
}
_CLASSES: Final = {
    "invalid address": "hard",
    "mailbox unavailable": "soft",
    "technical": "soft",
    "content": "policy",
    "reputation": "policy",
    "frequency/volume": "policy",
}
"""What SendGrid's own classes of bounces are here."""


def public_key_of(written: str) -> ec.EllipticCurvePublicKey | None:
    """Return the key that is written as the console shows it, or as a PEM file has it; None where it is none."""
    lines = (line for line in written.split() if not line.startswith("-"))
    inner = "".join(line for line in lines if line not in ("PUBLIC", "KEY-----"))
    try:
        key = load_der_public_key(base64.b64decode(inner, validate=True))
    except (ValueError, binascii.Error, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, ec.EllipticCurvePublicKey) else None


_key = cache(public_key_of)


def _prove(request: Request, access: Access, now: float) -> str:
    """Check the signature where there is a public key; without one the secret in the address was the proof."""
    if not access.public_key and access.secret:
        return ""
    key = _key(access.public_key)
    if key is None:
        raise RefusedError(Status.FORGED, "there is no key that could prove it")
    signature, timestamp = request.header(SIGNATURE), request.header(TIMESTAMP)
    if not signature or not timestamp:
        raise RefusedError(Status.UNPROVEN, "it is not signed; switch on the signature in the console of SendGrid")
    try:
        signed = base64.b64decode(signature, validate=True)
        key.verify(signed, timestamp.encode() + request.posted.body, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        raise RefusedError(Status.FORGED, "its signature is not that of the public key") from None
    at = seconds(timestamp)
    if at is None:
        raise RefusedError(Status.FORGED, "its timestamp is none")
    check_age(at, access.max_age, now)
    # Of what is signed, and not of the signature: a signature has a second form that is as good.
    return blake2b(timestamp.encode() + b"\0" + request.posted.body, digest_size=16).hexdigest()


def _tell(posted: Posted) -> Sequence[Told]:
    if "form" in posted.type.lower():
        return [_mail(form_of(posted.type, posted.body))]
    events = json_value(posted.body)
    events = [events] if isinstance(events, dict) else events
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise RefusedError(Status.GARBAGE, "the body is not a list of events")
    return [_event(event) for event in events]


def _event(event: Mapping[str, Any]) -> Told:
    said = [text(event.get(name)) for name in ("status", "reason", "response")]
    kind = _KINDS.get(str(event.get("event")), Kind.OTHER)
    is_sent = kind in (Kind.ACCEPTED, Kind.DELIVERED, Kind.DEFERRED, Kind.BOUNCED)
    ip = text(event.get("ip"))
    return Told(
        id=text(event.get("sg_event_id")) or digest_id(event),
        time=seconds(event.get("timestamp")),
        fields={
            "kind": kind,
            "event": text(event.get("event")),
            "message_id": bare_id(event.get("smtp-id")),
            "recipient": text(event.get("email")),
            "class": _class_of(kind, event),
            "code": code_of(*said[1:]),
            "enhanced_code": enhanced_code_of(*said),
            "text": said[1] or said[2],
            "sending_ip" if is_sent else "ip": ip,
            "user_agent": text(event.get("useragent")),
            "tags": tags_of(event.get("category")),
            "tls": None if number(event.get("tls")) is None else number(event.get("tls")) == 1,
        },
        said=event,
    )


def _class_of(kind: Kind, event: Mapping[str, Any]) -> str | None:
    if kind is Kind.DEFERRED:
        return "soft"
    if kind is not Kind.BOUNCED:
        return None
    if event.get("event") == "dropped":
        return "other"  # SendGrid did not try: nothing new is known of the address
    known = _CLASSES.get(str(event.get("bounce_classification")).lower())
    return known or ("soft" if event.get("type") == "blocked" else "other")


def _mail(form: Form) -> Told:
    """Return the mail of an inbound parse: raw in the field `email`, or in pieces with its attachments as files."""
    charsets = _json(form.text("charsets"))
    said = {name: text_of(value, text(charsets.get(name)))[0] for name, value in form.fields.items() if name != "email"}
    envelope = _json(said.get("envelope", ""))
    to = envelope.get("to")
    raw = form.fields.get("email")
    named = _json(said.get("attachment-info", ""))
    files = [file for _, file in form.files]
    return Told(
        id=digest_id([said, (raw or b"").hex(), [blake2b(file.content).hexdigest() for file in files]]),
        time=None,
        fields={
            "kind": Kind.INBOUND,
            "event": "inbound",
            "message_id": _header(said.get("headers", ""), "message-id"),
            "recipient": text(to[0] if isinstance(to, list) and to else None) or address(said.get("to")),
            "sender": text(envelope.get("from")) or address(said.get("from")),
            "subject": text(said.get("subject")),
            "ip": text(said.get("sender_ip")),
        },
        said={**said, "attachment-info": named} if named else said,
        message=raw,
        files=files,
    )


def _json(written: str) -> Mapping[str, Any]:
    try:
        value = parse(written.encode("utf-8", "replace"))
    except NotJsonError:
        return {}
    return value if isinstance(value, dict) else {}


def _header(headers: str, name: str) -> str | None:
    return next(_values(headers, name), None)


def _values(headers: str, name: str) -> Iterator[str]:
    for line in headers.splitlines():
        key, colon, value = line.partition(":")
        if colon and key.strip().lower() == name and (found := bare_id(value)):
            yield found


# Events for a day, mails for three.
SENDGRID: Final = Provider("sendgrid", _prove, _tell, sends_again_hours=24, sends_all_again_seconds=86_400)
