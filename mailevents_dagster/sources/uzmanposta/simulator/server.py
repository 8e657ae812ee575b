"""The simulated API on a loopback port: HTTP that is whole, or broken as an answer says, and the truth behind it."""

from __future__ import annotations

import ipaddress
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from itertools import chain, repeat
from typing import Any, Final, Self

from mailevents_dagster.sources.loopback import EachProcess, LoopbackServer, reset
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator.api import Api, Behaviour
from mailevents_dagster.sources.uzmanposta.simulator.calls import (
    BASE_PATH,
    PHRASES,
    Answer,
    Call,
    Calls,
    Faults,
    Request,
    error,
)
from mailevents_dagster.sources.uzmanposta.simulator.mail import EventSource, GeneratedMail
from mailevents_dagster.sources.uzmanposta.simulator.records import Record, is_queued, known_time

CLOSES_WITHIN_SECONDS: Final = 0.02


class Connection(BaseHTTPRequestHandler):
    """One connection: its requests are answered one after the other, whole or broken as the answer says."""

    protocol_version = "HTTP/1.1"
    default_request_version = "HTTP/1.1"  # the refusal of what is not HTTP has a status line, too
    wbufsize = -1  # head and body leave together
    server: _Server

    def do_GET(self) -> None:
        arrival = time.monotonic()
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            self.send_error(HTTPStatus.BAD_REQUEST, "A GET request with a body is not understood")
            return
        simulator = self.server.simulator
        answer = simulator.answer(Request.read(self.path, self.headers.get("Authorization", "")))
        delay = answer.delay + simulator.behaviour.latency_seconds
        if delay and self.server.closing.wait(delay - (time.monotonic() - arrival)):
            self.close_connection = True
        elif answer.reset:
            reset(self)
        else:
            self._send(answer)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:  # noqa: ARG002
        """Refuse in the API's words what is not a plain GET, and end the connection."""
        self.close_connection = True
        if code == HTTPStatus.NOT_IMPLEMENTED:
            self._send(error(HTTPStatus.METHOD_NOT_ALLOWED, f"{self.command} is not allowed", {"Allow": "GET"}))
        else:
            self._send(error(code, message or PHRASES[code]))

    def _send(self, answer: Answer) -> None:
        body = answer.body or b""
        if answer.interim is not None:
            self.send_response_only(answer.interim, PHRASES.get(answer.interim, "Unknown"))
            self.end_headers()
        if answer.endless:
            self._send_head(answer, "Transfer-Encoding", "chunked")
            self._send_endlessly(body or b" ", answer.chunk_pause)
        elif answer.truncated:
            self._send_head(answer, "Content-Length", str(max(1, len(body))))
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self._send_head(answer, "Content-Length", str(len(body)))
            self.wfile.write(body)

    def _send_head(self, answer: Answer, framing: str, how: str) -> None:
        status = answer.status or 200
        self.send_response_only(status, PHRASES.get(status, "Unknown"))
        self.send_header("Date", self.date_time_string(int(self.server.simulator.now())))
        self.send_header(framing, how)
        if "content-type" not in map(str.lower, answer.headers):
            self.send_header("Content-Type", "application/json; charset=utf-8")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close" if self.close_connection else "keep-alive")
        self.end_headers()

    def _send_endlessly(self, first: bytes, pause: float) -> None:
        self.close_connection = True
        for chunk in chain([first], repeat(b" ")):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            self.wfile.flush()
            if self.server.closing.wait(pause):
                return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: `Calls` is the log."""


class _Server(LoopbackServer):
    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        self.simulator = simulator
        super().__init__(address, Connection)


class Simulator:
    """The vendor's API on a loopback port, from `start()` to `close()` or as a context manager."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        domains: Iterable[str] = (),
        source: EventSource | None = None,
        now: Callable[[], float] = time.time,
        port: int = 0,
        host: str = "127.0.0.1",
    ) -> None:
        """With no source it generates mail; `domains` are those whose queue ids it knows before any listing."""
        if not ipaddress.IPv4Address(host).is_loopback:
            raise ValueError(f"{host} is not a loopback address; the simulator serves this machine alone")
        behaviour = behaviour or Behaviour()
        self.source: EventSource = source or GeneratedMail(behaviour.seed, behaviour.events_per_hour, domains)
        self.now = now
        self.faults = Faults()
        self.calls = Calls()
        self.fail_next = self.faults.fail_next
        self._api = Api(behaviour, self.source, now)
        self._asking = threading.Lock()
        self._address = (host, port)
        self._server: _Server | None = None

    @property
    def behaviour(self) -> Behaviour:
        """How the API behaves from the next call on; seed and events per hour are those of the start."""
        return self._api.behaviour

    @behaviour.setter
    def behaviour(self, behaviour: Behaviour) -> None:
        self._api.behaviour = behaviour

    @property
    def base_url(self) -> str:
        host, port = self._address
        return f"http://{host}:{port}{BASE_PATH}"

    def start(self) -> Self:
        """Serve until `close()`; started again after that, it keeps its port."""
        if self._server is None:
            self._server = _Server(self._address, self)
            self._address = (self._address[0], self._server.server_port)
            serve_forever = partial(self._server.serve_forever, CLOSES_WITHIN_SECONDS)
            threading.Thread(target=serve_forever, name="uzmanposta-simulator", daemon=True).start()
        return self

    def close(self) -> None:
        """End all connections and free the port; a second call does nothing."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, request: Request) -> Answer:
        """Answer a request, as a fault says where one matches, and log the call."""
        arrival = time.monotonic()
        with self._asking:
            answer = self.faults.take(request) or Answer()
            if answer.status is None and not answer.reset:
                answer = _delivered(self._api.answer(request), answer)
            status = 0 if answer.reset else answer.status or 200
            self.calls.add(Call(request.kind, request.path, request.params, request.key, status, arrival))
        if answer.body is None:
            answer = replace(answer, body=error(status, "The simulator was asked to fail").body)
        return answer

    def truth(self, domain: str, feed_name: str, start: int, end: int) -> list[Record]:
        """Return what a perfect collector holds for `[start, end)` once all is visible: details, oldest first."""
        rows = self.source.rows(domain, feed_name, start, end - 1)
        if not FEED_KINDS[feed_name].has_details:
            return rows
        return [self._detail(row) or row for row in rows]

    def _detail(self, row: Record) -> Record | None:
        return self.source.detail(str(row["queue_id"]), known_time(row)) if is_queued(row) else None


def _delivered(own: Answer, fault: Answer) -> Answer:
    """Return the API's own answer as the fault delivers it."""
    body = own.body if fault.body is None else fault.body
    return replace(fault, status=own.status, body=body, headers={**own.headers, **fault.headers})


def serve(
    port: int,
    behaviour: Behaviour | None = None,
    domains: Iterable[str] = (),
    announce: Callable[[str], object] = lambda _: None,
) -> None:
    """Serve in the foreground until interrupted; `announce` is told the base URL once calls can come."""
    with Simulator(behaviour, domains=domains, port=port) as simulator:
        try:  # from before anybody can know of it: the interrupt may follow the word at once
            announce(simulator.base_url)
            threading.Event().wait()
        except KeyboardInterrupt:
            return


def _generated() -> tuple[GeneratedMail, Simulator]:
    source = GeneratedMail()
    return source, Simulator(source=source).start()


_embedded: Final = EachProcess(_generated)


def embedded(domains: Iterable[str]) -> str:
    """Return the base URL of this process's simulator, started on first use."""
    source, simulator = _embedded.get()
    for domain in domains:
        source.know(domain)
    return simulator.base_url
