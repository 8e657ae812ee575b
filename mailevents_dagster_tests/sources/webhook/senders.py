"""What providers send, signed as they do it, with keys that are made here."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

NOW: Final = 1_796_000_000.0
MAILGUN_KEY: Final = "key-that-signs"
PASSWORD: Final = "p4ssw0rd"
TOPIC: Final = "arn:aws:sns:eu-west-1:123456789012:ses-events"
CERTIFICATE_URL: Final = "https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-1.pem"
JSON: Final = {"content-type": "application/json"}


def basic(password: str = PASSWORD, user: str = "mailevents") -> dict[str, str]:
    return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def mailgun_signature(key: str = MAILGUN_KEY, at: float = NOW, token: str = "") -> dict[str, str]:
    timestamp, token = str(int(at)), token or secrets.token_hex(25)
    signed = hmac.new(key.encode(), f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    return {"timestamp": timestamp, "token": token, "signature": signed}


def mailgun_event(id_: str = "", at: float = NOW, **changes: Any) -> dict[str, Any]:
    return {
        "event": "delivered",
        "id": id_ or secrets.token_hex(8),
        "timestamp": at,
        "recipient": "ada@example.com",
        "message": {"headers": {"message-id": "20261120@example.org", "subject": "Ödeme"}, "size": 1200},
        "delivery-status": {"code": 250, "message": "OK", "mx-host": "mx.example.com", "tls": True},
        "envelope": {"sender": "bounce@example.org", "sending-ip": "192.0.2.10"},
        "tags": ["welcome"],
        **changes,
    }


def mailgun_body(event: dict[str, Any], **signing: Any) -> bytes:
    return json.dumps({"signature": mailgun_signature(**signing), "event-data": event}).encode()


@dataclass(frozen=True)
class SendGridKey:
    """The key of a signed event webhook."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @cached_property
    def public(self) -> str:
        """As the console shows it."""
        key = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(key).decode()

    def headers(self, body: bytes, at: float = NOW) -> dict[str, str]:
        timestamp = str(int(at))
        signature = self.private.sign(timestamp.encode() + body, ec.ECDSA(hashes.SHA256()))
        return {
            "x-twilio-email-event-webhook-signature": base64.b64encode(signature).decode(),
            "x-twilio-email-event-webhook-timestamp": timestamp,
            **JSON,
        }


@dataclass(frozen=True)
class Amazon:
    """An SNS of one's own: its certificate, and what is fetched from it."""

    valid_days: int = 365
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    fetched: list[str] = field(default_factory=list)
    answers: dict[str, bytes] = field(default_factory=dict)

    @cached_property
    def certificate(self) -> bytes:
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "sns.amazonaws.com")])
        begin = datetime.fromtimestamp(NOW, UTC) - timedelta(days=1)
        made = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=self.valid_days))
            .sign(self.key, hashes.SHA256())
        )
        return made.public_bytes(Encoding.PEM)

    def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if url == CERTIFICATE_URL:
            return self.certificate
        return self.answers[url]

    def message(self, told: object, version: str = "2", at: float = NOW, **changes: Any) -> bytes:
        """A message as it is posted; what changes does so before it is signed."""
        message = {
            "Type": "Notification",
            "MessageId": secrets.token_hex(8),
            "TopicArn": TOPIC,
            "Message": told if isinstance(told, str) else json.dumps(told),
            "Timestamp": datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "SignatureVersion": version,
            "SigningCertURL": CERTIFICATE_URL,
            **changes,
        }
        names = ("Message", "MessageId", "SubscribeURL", "Subject", "Timestamp", "Token", "TopicArn", "Type")
        signed = "".join(f"{name}\n{message[name]}\n" for name in names if name in message)
        algorithm = hashes.SHA1() if version == "1" else hashes.SHA256()
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), algorithm)
        return json.dumps({**message, "Signature": base64.b64encode(signature).decode()}).encode()

    def confirmation(self, **changes: Any) -> bytes:
        url = "https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&Token=abc"
        self.answers[url] = b"<ConfirmSubscriptionResponse/>"
        said = {"Type": "SubscriptionConfirmation", "Token": "abc", "SubscribeURL": url, **changes}
        return self.message("You have chosen to subscribe", **said)


def ses_bounce(*people: str, sub_type: str = "NoEmail", at: str = "2026-11-30T10:00:00.000Z") -> dict[str, Any]:
    recipients = [
        {
            "emailAddress": one,
            "status": "5.1.1",
            "diagnosticCode": "smtp; 550 5.1.1 <x>: user unknown",
        }
        for one in people
    ]
    return {
        "notificationType": "Bounce",
        "bounce": {
            "bounceType": "Permanent",
            "bounceSubType": sub_type,
            "bouncedRecipients": recipients,
            "timestamp": at,
            "remoteMtaIp": "198.51.100.7",
        },
        "mail": {
            "source": "news@example.org",
            "messageId": "0102-ses",
            "destination": list(people),
            "commonHeaders": {"messageId": "<n1@example.org>", "subject": "Merhaba"},
        },
    }
