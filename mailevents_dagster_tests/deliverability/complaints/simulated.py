"""Postmaster Tools and SNDS on a loopback port, as they are documented."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mailevents_dagster.sources.loopback import LoopbackServer

KEY = rsa.generate_private_key(65537, 2048)
ACCOUNT = "reader@project.iam.gserviceaccount.com"
TOKEN = "a-token-of-google"
SNDS_KEY = "a-key-that-nobody-may-see"
DATA = (
    "192.0.2.1,11/20/2026 1:00 AM,11/20/2026 11:00 PM,1010,1000,990,GREEN,< 0.1%,,,0,mx.example.com,a@example.com,\r\n"
    '192.0.2.2,11/20/2026 1:00 AM,11/20/2026 11:00 PM,500,500,480,RED,2.5%,11/20/2026 2:00 AM,,3,,,"a, b"\r\n'
)
STATUS = "192.0.2.2,192.0.2.2,Yes,Blocked due to user complaints\r\n192.0.2.8,192.0.2.9,No,Junked\r\n"

Stat = tuple[str, str, float]


@dataclass
class Services:
    """What the services say, and what they were asked."""

    stats: dict[str, list[Stat]] = field(default_factory=dict)
    """Rates by standard metric and filter: a day, nothing, a share."""
    ids: list[str] = field(default_factory=list)
    page: int = 200
    data: str = DATA
    status: str = STATUS
    refusals: list[int] = field(default_factory=list)
    """Statuses that are answered instead, one after the other."""
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, method: str, target: str, body: bytes, token: str) -> tuple[int, bytes]:
        url = urlsplit(target)
        self.asked.append(f"{method} {url.path}")
        if self.refusals and not url.path.endswith("/token"):
            return self.refusals.pop(0), b'{"error": {"status": "NO"}}'
        if url.path == "/token":
            return self._signed_in(body)
        if url.path.startswith("/v2/") and url.path.endswith(":query"):
            return (200, self._stats(json.loads(body))) if token == f"Bearer {TOKEN}" else (401, b"{}")
        if dict(parse_qsl(url.query)).get("key") != SNDS_KEY:
            return 200, b"<html>sign in</html>"
        if url.path.endswith("/data.aspx"):
            return 200, self.data.encode() if "date=112026" in url.query else b""
        return 200, self.status.encode()

    def _signed_in(self, body: bytes) -> tuple[int, bytes]:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        assert form["grant_type"] == "urn:ietf:params:oauth:grant-type:jwt-bearer"
        try:
            claims = jwt.decode(form["assertion"], KEY.public_key(), ["RS256"], audience=f"{self.url}/token")
        except jwt.PyJWTError:
            return 400, b'{"error": "invalid_grant"}'
        assert claims["iss"] == ACCOUNT
        assert claims["scope"].endswith("/auth/postmaster.traffic.readonly")
        return 200, json.dumps({"access_token": TOKEN, "expires_in": 3599, "token_type": "Bearer"}).encode()

    def _stats(self, query: dict[str, Any]) -> bytes:
        assert query["aggregationGranularity"] == "DAILY"
        found = [one for definition in query["metricDefinitions"] for one in self._of(definition)]
        first = int(query.get("pageToken", 0))
        more = {"nextPageToken": str(first + self.page)} if first + self.page < len(found) else {}
        return json.dumps({"domainStats": found[first : first + self.page], **more}).encode()

    def _of(self, definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
        metric = definition["baseMetric"]["standardMetric"]
        if metric == "FEEDBACK_LOOP_ID" and self.ids:
            value: dict[str, Any] = {"stringList": {"values": self.ids}}
            yield {"metric": definition["name"], "date": _date("2026-11-20"), "value": value}
        for day, _, share in self.stats.get(f"{metric} {definition.get('filter', '')}".strip(), []):
            yield {"metric": definition["name"], "date": _date(day), "value": {"doubleValue": share}}


def _date(day: str) -> dict[str, int]:
    return dict(zip(("year", "month", "day"), map(int, day.split("-")), strict=True))


@contextmanager
def simulated(services: Services) -> Iterator[Services]:
    """Serve them until the block ends."""

    class Connection(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, content = services.answer(self.command, self.path, body, self.headers.get("Authorization", ""))
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = LoopbackServer(("127.0.0.1", 0), Connection)
    services.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield services
    finally:
        server.close()
        thread.join()


def account(folder: Path, url: str, **changes: Any) -> Path:
    """Write the key of a service account, as Google Cloud gives it."""
    private = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = folder / "account.json"
    said = {
        "type": "service_account",
        "client_email": ACCOUNT,
        "private_key_id": "1",
        "private_key": private.decode(),
        "token_uri": f"{url}/token",
    }
    file.write_text(json.dumps(said | changes))
    return file
