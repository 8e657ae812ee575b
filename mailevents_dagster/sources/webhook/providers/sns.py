"""Amazon SNS: how its messages are signed, and how a subscription is confirmed.

Each message names the certificate that it is signed with. Only certificates from Amazon's own hosts are fetched, over
TLS; whoever controls one of Amazon's accounts can publish, so that the topic decides who is believed.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from mailevents_dagster.sources.webhook.providers.provider import (
    Access,
    RefusedError,
    Request,
    Status,
    check_age,
    json_object,
    text,
)
from mailevents_dagster.sources.webhook.providers.values import seconds

logger = logging.getLogger(__name__)

NOTIFICATION: Final = "Notification"
CONFIRMATION: Final = "SubscriptionConfirmation"
UNSUBSCRIPTION: Final = "UnsubscribeConfirmation"
_SIGNED: Final = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    CONFIRMATION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_HASHES: Final[Mapping[str, Callable[[], hashes.HashAlgorithm]]] = {
    "1": hashes.SHA1,  # what topics are made with unless one says otherwise
    "2": hashes.SHA256,
}
_HOST: Final = re.compile(r"sns\.[a-z0-9-]{3,30}\.amazonaws\.com(\.cn)?")
_LONGEST_ANSWER: Final = 2**16
_TIMEOUTS: Final = (5.0, 10.0)
_MOST_CERTIFICATES: Final = 100

Fetch = Callable[[str], bytes]
"""Return what stands at an address of Amazon's; OSError where it cannot be had."""


def fetch(url: str) -> bytes:
    """Return a short answer over TLS, without following redirects."""
    with requests.get(url, timeout=_TIMEOUTS, allow_redirects=False, stream=True) as answer:
        if answer.status_code != requests.codes.ok:
            raise OSError(f"Amazon answered {answer.status_code}")
        content: bytes = next(answer.iter_content(_LONGEST_ANSWER), b"")
        return content


class Sns:
    """Proves messages of SNS. Threads may ask at once."""

    def __init__(self, fetch: Fetch = fetch) -> None:
        self._fetch = fetch
        self._fetching = threading.Lock()
        self._keys: dict[str, tuple[rsa.RSAPublicKey, datetime, datetime]] = {}
        """By their addresses: the keys of certificates, and when these are good."""

    def prove(self, request: Request, access: Access, now: float) -> str:
        """Return the mark of a message that is signed, of a topic that is expected, and not old.

        A subscription to such a topic is confirmed.
        """
        message = json_object(request.posted.body)
        type_ = text(message.get("Type")) or ""
        if type_ not in _SIGNED:
            raise RefusedError(Status.UNPROVEN, "it is not signed; switch raw delivery off in the console of SNS")
        topic = text(message.get("TopicArn")) or ""
        if access.topics and topic not in access.topics:
            raise RefusedError(Status.FORGED, "its topic is not one of `topics` in the settings")
        self._check_signature(message, type_, now)
        at = seconds(message.get("Timestamp"))
        if at is None:
            raise RefusedError(Status.FORGED, "its timestamp is none")
        check_age(at, access.max_age, now)
        if type_ == UNSUBSCRIPTION:
            logger.warning(f"The subscription to {topic} has ended: subscribe again, or nothing of it comes any more.")
        if type_ == CONFIRMATION:
            self._confirm(message, topic, access)
        return text(message.get("MessageId")) or ""

    def _confirm(self, message: Mapping[str, Any], topic: str, access: Access) -> None:
        if topic not in access.topics:
            raise RefusedError(Status.FORGED, "a subscription is confirmed for `topics` of the settings alone")
        self._get(_amazons(message.get("SubscribeURL"), r"/.*"))

    def _check_signature(self, message: Mapping[str, Any], type_: str, now: float) -> None:
        algorithm = _HASHES.get(str(message.get("SignatureVersion")))
        if algorithm is None:
            raise RefusedError(Status.UNPROVEN, "the version of its signature is not known")
        key = self._key(_amazons(message.get("SigningCertURL"), r"/[A-Za-z0-9/_.-]{1,200}\.pem"), now)
        lines = (f"{name}\n{message[name]}\n" for name in _SIGNED[type_] if message.get(name) is not None)
        try:
            signature = base64.b64decode(str(message.get("Signature")), validate=True)
            signed = "".join(lines).encode("utf-8", "surrogatepass")
            key.verify(signature, signed, padding.PKCS1v15(), algorithm())
        except (InvalidSignature, binascii.Error, ValueError):
            raise RefusedError(Status.FORGED, "its signature is not that of Amazon's certificate") from None

    def _key(self, url: str, now: float) -> rsa.RSAPublicKey:
        with self._fetching:
            known = self._keys.get(url)
        if known is None:
            known = _key_of(self._get(url))
            with self._fetching:
                if len(self._keys) >= _MOST_CERTIFICATES:
                    self._keys.clear()
                self._keys[url] = known
        key, first, last = known
        if not first <= datetime.fromtimestamp(now, UTC) <= last:
            raise RefusedError(Status.FORGED, "the certificate that it is signed with is not good at this time")
        return key

    def _get(self, url: str) -> bytes:
        try:
            return self._fetch(url)
        except OSError as error:  # those of requests are such
            why = f"Amazon could not be asked ({type(error).__name__}): this machine must reach it over https"
            raise RefusedError(Status.LATER, why) from None


def _key_of(certificate: bytes) -> tuple[rsa.RSAPublicKey, datetime, datetime]:
    try:
        read = x509.load_pem_x509_certificate(certificate)
    except ValueError:
        raise RefusedError(Status.FORGED, "what stands at its SigningCertURL is no certificate") from None
    key = read.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise RefusedError(Status.FORGED, "the certificate that it is signed with has no RSA key")
    return key, read.not_valid_before_utc, read.not_valid_after_utc


def _amazons(url: object, path: str) -> str:
    """Return an address of Amazon's own; nobody else is ever asked."""
    written = url if isinstance(url, str) else ""
    try:
        parts = urlsplit(written)
        is_amazons = (
            parts.scheme == "https"
            and _HOST.fullmatch(parts.netloc) is not None  # so no port, no user
            and re.fullmatch(path, parts.path) is not None
            and written.isprintable()
            and written.isascii()
            and "\\" not in written
            and ".." not in parts.path
        )
    except ValueError:
        is_amazons = False
    if not is_amazons:
        raise RefusedError(Status.FORGED, "it names an address that is not Amazon's")
    return written
