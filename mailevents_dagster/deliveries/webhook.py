"""An HTTPS address as a receiver of the outbox: messages as one signed POST, as the Standard Webhooks have it.

`webhook-signature` is an HMAC-SHA-256 of `webhook-id`, `webhook-timestamp` and the body, so that libraries of many
languages check it (standardwebhooks.com). The address answers for all messages of a call at once.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.deliveries.message import Answer, Failed, Limits, Message, Refused, Taken

LIMITS: Final = Limits(messages=200, bytes=2**17)
"""Calls go out one after the other, which keeps their order."""
CONNECT_SECONDS: Final = 10
ANSWER_SECONDS: Final = 30
_TOO_LARGE: Final = (413, 422)
"""Statuses that speak of the messages, and not of the address or the signature."""
_PASSING: Final = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where messages are posted to, and the key that proves by whom."""

    url: str = field(repr=False)
    """May hold a secret in its path."""
    key: bytes = field(repr=False)
    type: str
    """Says in each body what its messages are about."""

    def send(self, messages: Sequence[Message]) -> list[Answer]:
        """Post messages in one call and return the one answer for each."""
        import requests  # takes a tenth of a second, and only who sends needs it

        body = f'{{"type":"{self.type}","data":[{",".join(one.body for one in messages)}]}}'.encode()
        headers = self._headers("\n".join(one.key for one in messages), body, int(time.time()))
        try:
            with requests.post(
                self.url,
                body,
                headers=headers,
                timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
                allow_redirects=False,
                stream=True,  # whatever it says beside the status is not read
            ) as response:
                answer = answer_of(response.status_code, headers["webhook-id"])
        except requests.RequestException as error:
            answer = _unanswered(error)
        return [answer] * len(messages)

    def _headers(self, keys: str, body: bytes, now: int) -> dict[str, str]:
        id_ = hashlib.sha256(keys.encode()).hexdigest()[:32]
        signature = hmac.digest(self.key, f"{id_}.{now}.".encode() + body, "sha256")
        return {
            "Content-Type": "application/json",
            "webhook-id": id_,
            "webhook-timestamp": str(now),
            "webhook-signature": f"v1,{base64.b64encode(signature).decode()}",
        }


def answer_of(status: int, id_: str) -> Answer:
    """Return what a status means for the messages of the call that had this id."""
    if 200 <= status < 300:
        return Taken(id_)
    if status in _TOO_LARGE:
        return Refused(f"the address refuses it with status {status}")
    if status in _PASSING or status >= 500:
        return Failed(f"the address answers with status {status}", may_have_arrived=status >= 500 or status == 408)
    said = "leads elsewhere" if 300 <= status < 400 else "refuses the call"
    mend = "correct `url`, and check that the receiver has the same `secret` and the right time"
    return Failed(f"the address {said} with status {status}: {mend}", is_passing=False)


def _unanswered(error: Exception) -> Failed:
    """Return what an error without an answer means. What libraries say may hold the address, and is not repeated."""
    import requests
    import urllib3

    kind = type(error).__name__
    if isinstance(error, requests.exceptions.SSLError):
        return Failed(f"the TLS connection fails ({kind}): check `url`, its certificate, and the clock")
    reason = getattr(error.args[0] if error.args else None, "reason", None)
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, urllib3.exceptions.NewConnectionError):
        return Failed(f"the address cannot be reached ({kind}): check `url`, DNS and the firewall")
    return Failed(f"the connection broke off, or there was no answer in time ({kind})", may_have_arrived=True)
