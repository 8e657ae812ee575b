"""An address on this machine that signed calls are posted to. It checks each as the Standard Webhooks say."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

KEY = bytes(range(32))
SECRET = f"whsec_{base64.b64encode(KEY).decode()}"
PATH = "/s3cret-path?a=b"
CUT = 0
"""A status that no answer has: the connection ends without one."""


@dataclass
class Receiving:
    url: str
    statuses: deque[int] = field(default_factory=deque)
    """The answers to the next calls; then all are taken."""
    calls: list[tuple[dict[str, str], Any]] = field(default_factory=list)
    """Headers and body of each call that came whole, whatever became of it."""
    taken: list[dict[str, Any]] = field(default_factory=list)
    when_called: Callable[[], object] = lambda: None

    def answer(self, headers: dict[str, str], path: str, body: bytes) -> int:
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
        signature = base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
        if headers["webhook-signature"] != f"v1,{signature}" or path != PATH:
            return 401
        content = json.loads(body)
        self.calls.append((headers, content))
        status = self.statuses.popleft() if self.statuses else 204
        if 200 <= status < 300:
            self.taken += content["data"]
        self.when_called()
        return status


@contextmanager
def receiving() -> Iterator[Receiving]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status = here.answer(headers, self.path, body)
            if status == CUT:
                return
            self.send_response(status)
            self.send_header("Location", self.path)
            self.end_headers()
            self.wfile.write(b"s3cret of the answer")

        def log_message(self, *_: object) -> None: ...

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """Say nothing of callers that were killed."""

    with Server(("127.0.0.1", 0), Handler) as server:
        here = Receiving(f"http://127.0.0.1:{server.server_port}{PATH}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield here
        finally:
            server.shutdown()
            thread.join()
