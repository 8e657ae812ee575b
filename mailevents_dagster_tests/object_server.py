"""S3 over HTTP: moto's server, and a gateway before it that counts requests, and fails or waits as it is told.

moto looks at If-Match and If-None-Match and writes afterwards, in threads. So the gateway hands on one write at a time.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import unquote, urlsplit

import pytest

from mailevents_dagster_tests.moto_server import PATIENCE, MotoServer

AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261130/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
)
HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"}


@dataclass(frozen=True)
class Request:
    """A request that came, by its number from one."""

    number: int
    method: str
    bucket: str
    key: str
    """Of a listing, its query."""
    is_conditional: bool

    @property
    def writes(self) -> bool:
        return self.method != "GET" and self.method != "HEAD"

    def __str__(self) -> str:
        return f"{self.method} {self.key}"


@dataclass(frozen=True)
class Fault:
    """What the gateway does with a request instead of handing it on."""

    status: int = 500
    code: str = "InternalError"
    is_cut: bool = False
    """End the connection without an answer."""
    hands_on: bool = False
    """Hand the request on all the same; what the server says is lost."""
    headers: dict[str, str] = field(default_factory=dict)
    until: threading.Event | None = None
    """Answer when this happened."""

    @property
    def body(self) -> bytes:
        text = f"<Error><Code>{self.code}</Code><Message>s3cret-of-the-server</Message></Error>"
        return text.encode() if self.code else b""


class ObjectServer(ThreadingHTTPServer):
    """Hands requests on to moto; `fault` says what becomes of each, None to hand it on."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, moto: MotoServer, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.moto = moto
        self.requests: list[Request] = []
        self.fault: Callable[[Request], Fault | None] = lambda request: None
        self.keeps_conditions = True
        """Whether conditions of writes are handed on: some servers know none and write whatever is there."""
        self.lock = threading.Lock()
        self.writing = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def make_bucket(self, name: str) -> None:
        status, _, body = forwarded(self.moto.port, "PUT", f"/{name}", {"Authorization": AUTHORIZATION}, b"")
        assert status == 200, body

    def forget(self) -> None:
        self.requests.clear()

    @property
    def said(self) -> list[str]:
        """The requests that came, in their order."""
        return [str(request) for request in self.requests]

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of callers that were killed."""


class _Handler(BaseHTTPRequestHandler):
    server: ObjectServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # one packet an answer: else each waits 40 ms for an acknowledgement

    def _handle(self) -> None:
        content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = self._request()
        fault = self.server.fault(request)
        if fault and not fault.hands_on:
            status, headers, body = fault.status, fault.headers, fault.body
        else:
            status, headers, body = self._handed_on(request, content)
            if fault:
                status, headers, body = fault.status, fault.headers, fault.body
        if fault and fault.until:
            fault.until.wait(PATIENCE)
        if fault and fault.is_cut:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        with suppress(OSError):  # the caller may be gone
            self._tell(status, headers, body)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815 - http.server names them

    def _request(self) -> Request:
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).removeprefix("/").partition("/")
        is_conditional = "If-Match" in self.headers or "If-None-Match" in self.headers
        with self.server.lock:
            number = len(self.server.requests) + 1
            request = Request(number, self.command, bucket, key or f"?{unquote(parts.query)}", is_conditional)
            self.server.requests.append(request)
        return request

    def _handed_on(self, request: Request, content: bytes) -> tuple[int, dict[str, str], bytes]:
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        if request.method == "PUT" and not self.server.keeps_conditions:
            headers = {name: value for name, value in headers.items() if not name.lower().startswith("if-")}
        try:
            if not request.writes:
                return forwarded(self.server.moto.port, self.command, self.path, headers, content)
            with self.server.writing:
                return forwarded(self.server.moto.port, self.command, self.path, headers, content)
        except (OSError, HTTPException):
            return 503, {}, b""

    def _tell(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in HOP_BY_HOP:
                self.send_header(name, value)
        length = headers.get("Content-Length", "0") if self.command == "HEAD" else str(len(body))
        self.send_header("Content-Length", length)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def forwarded(
    port: int, method: str, path: str, headers: dict[str, str], content: bytes
) -> tuple[int, dict[str, str], bytes]:
    connection = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        connection.request(method, path, content, headers)
        answer = connection.getresponse()
        said: HTTPMessage = answer.headers
        return answer.status, dict(said.items()), answer.read()
    finally:
        connection.close()


@contextmanager
def moto_running() -> Iterator[MotoServer]:
    moto = MotoServer()
    try:
        yield moto
    finally:
        moto.kill()


def environment(url: str) -> dict[str, str]:
    """What a process needs to know of this server."""
    return {
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "s3cret-of-ours",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_ENDPOINT_URL": url,
    }


def use(server: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have this process speak to the server, and to nothing that the machine's own settings name."""
    for name, value in {**environment(server.url), "AWS_CONFIG_FILE": "/dev/null", "AWS_PROFILE": ""}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
