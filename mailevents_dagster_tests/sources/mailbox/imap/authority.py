"""Who gives tokens over HTTP, and tells the IMAP server which of them are good."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from urllib.parse import parse_qs

from mailevents_dagster.sources.mailbox.tokens import Application
from mailevents_dagster_tests.sources.mailbox.imap.dovecot import USER


class Authority:
    """Its tokens are good until they are taken back."""

    def __init__(self) -> None:
        self.good = set[str]()
        self.given = 0
        self.user = USER
        """Whose mailbox the tokens open."""
        self._numbers = count(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def application(self) -> Application:
        return Application(self.url, "tenant", "client", secret="s3cret")

    @contextmanager
    def running(self) -> Iterator[Authority]:
        thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def _answer(self, path: str, form: dict[str, list[str]]) -> dict[str, object]:
        if path == "/introspect":
            return {"active": form["token"][0] in self.good, "username": self.user}
        if path.endswith("openid-configuration"):
            url = f"{self.url}/tenant"
            return {
                "issuer": f"{url}/v2.0",
                "authorization_endpoint": f"{url}/oauth2/v2.0/authorize",
                "token_endpoint": f"{url}/oauth2/v2.0/token",
            }
        assert form["client_secret"] == ["s3cret"]
        assert form["scope"] == ["https://outlook.office365.com/.default"]
        self.given += 1
        token = f"token-{next(self._numbers)}"
        self.good.add(token)
        return {"access_token": token, "expires_in": 3600, "token_type": "Bearer"}

    def _handler(authority) -> type[BaseHTTPRequestHandler]:  # noqa: N805  self is the handler's
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._send({})

            def do_POST(self) -> None:
                self._send(parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()))

            def _send(self, form: dict[str, list[str]]) -> None:
                body = json.dumps(authority._answer(self.path, form)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        return Handler
