"""The authority of the simulator: gives tokens to applications that know its secret, and takes them back."""

from __future__ import annotations

import secrets
import threading
import time
from typing import Any, Final
from urllib.parse import parse_qs

from mailevents_dagster.sources.mailbox.simulator.answers import Answer, Request, as_json

SECRET: Final = "simulator"  # noqa: S105 - it opens made-up mailboxes
SECONDS: Final = 3600


class Authority:
    """Gives tokens. Threads may ask at once."""

    def __init__(self, seconds: int = SECONDS) -> None:
        self.seconds = seconds
        self._good: dict[str, float] = {}
        self._giving = threading.Lock()
        self.given = 0

    def answer(self, request: Request, base_url: str) -> Answer | None:
        """Return the answer to a request of tokens; None where it is another one."""
        tenant, _, rest = request.path.lstrip("/").partition("/")
        if rest == "v2.0/.well-known/openid-configuration":
            url = f"{base_url}/{tenant}"
            return as_json(
                {
                    "issuer": f"{url}/v2.0",
                    "authorization_endpoint": f"{url}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{url}/oauth2/v2.0/token",
                }
            )
        if rest == "oauth2/v2.0/token":
            return self._token(request)
        return None

    def accepts(self, request: Request) -> bool:
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        with self._giving:
            return self._good.get(token, 0.0) > time.monotonic()

    def take_back(self) -> None:
        """Let no token be good any more."""
        with self._giving:
            self._good.clear()

    def _token(self, request: Request) -> Answer:
        form = {name: values[0] for name, values in parse_qs(request.body.decode()).items()}
        if form.get("grant_type") != "client_credentials" or not form.get("scope", "").endswith("/.default"):
            return _refused("invalid_request", 900144, "The request body must contain what is needed.")
        if form.get("client_secret") != SECRET and not form.get("client_assertion"):
            return _refused("invalid_client", 7000215, "Invalid client secret provided.")
        token = secrets.token_urlsafe(48)
        with self._giving:
            self.given += 1
            self._good[token] = time.monotonic() + self.seconds
        return as_json({"token_type": "Bearer", "expires_in": self.seconds, "access_token": token})


def _refused(code: str, number: int, message: str) -> Answer:
    body: dict[str, Any] = {"error": code, "error_description": f"AADSTS{number}: {message}", "error_codes": [number]}
    return as_json(body, 401)
