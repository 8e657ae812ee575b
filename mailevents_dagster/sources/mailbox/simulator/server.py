"""The simulated Graph and its authority on a loopback port."""

from __future__ import annotations

import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any, Final, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from mailevents_dagster.sources.loopback import EachProcess, LoopbackServer, reset
from mailevents_dagster.sources.mailbox.simulator.answers import Answer, Fault, Faults, Request, error
from mailevents_dagster.sources.mailbox.simulator.authority import SECONDS, Authority
from mailevents_dagster.sources.mailbox.simulator.graph import ROOT, answer
from mailevents_dagster.sources.mailbox.simulator.mailbox import SINCE, SimulatedMailbox

AT_A_TIME: Final = 4


@dataclass(frozen=True, slots=True)
class Call:
    """A request that came, and what became of it."""

    method: str
    path: str
    query: str
    status: int
    """0 where the connection was reset."""

    @property
    def kind(self) -> str:
        """What was asked for, without ids."""
        parts = [part for part in self.path.split("/") if len(part) < 40 and "@" not in part]
        return "/".join(parts[3:]) if self.path.startswith(ROOT) else parts[-1]


@dataclass(slots=True)
class Behaviour:
    """How the simulator behaves."""

    mails_per_hour: float = 6
    padding: int = 0
    """Bytes more of each mail."""
    since: int = SINCE
    latency_seconds: float = 0.0
    """Until an answer leaves, which takes longer only where making it does."""
    token_seconds: int = SECONDS
    at_a_time: int = AT_A_TIME


class Simulator:
    """Graph for as many mailboxes as are asked for, from `with` on until it ends."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        now: Callable[[], float] = time.time,
        port: int = 0,
        secure: ssl.SSLContext | None = None,
    ) -> None:
        self.behaviour = behaviour or Behaviour()
        self.authority = Authority(self.behaviour.token_seconds)
        self.faults = Faults()
        self.calls: list[Call] = []
        self.most_at_once = 0
        self._now = now
        self._mailboxes: dict[str, SimulatedMailbox] = {}
        self._counting = threading.Lock()
        self._at_once = Counter[str]()
        self._server = _Server(("127.0.0.1", port), self)
        self._scheme = "https" if secure else "http"
        if secure:
            self._server.socket = secure.wrap_socket(self._server.socket, server_side=True)

    @property
    def url(self) -> str:
        """The authority; Graph is `base_url`."""
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def base_url(self) -> str:
        return f"{self.url}/v1.0"

    def mailbox(self, address: str) -> SimulatedMailbox:
        with self._counting:
            if address not in self._mailboxes:
                own = self.behaviour
                self._mailboxes[address] = SimulatedMailbox(
                    address, self._now, own.mails_per_hour, own.since, own.padding
                )
            return self._mailboxes[address]

    def start(self) -> Self:
        serve = partial(self._server.serve_forever, 0.05)
        threading.Thread(target=serve, name="graph-simulator", daemon=True).start()
        return self

    def close(self) -> None:
        if not self._server.closing.is_set():
            self._server.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def count(self, kind: str) -> int:
        """Return how many calls of a kind were answered with 200."""
        return sum(call.kind == kind and call.status == 200 for call in self.calls)

    def answered(self, request: Request) -> tuple[Answer, Fault]:
        """Return the answer to a request, and what is to become of it."""
        fault = self.faults.take(request.path) or Fault()
        if fault.status is not None:
            own = error(fault.status, fault.code, headers=fault.headers)
            return (own if fault.body is None else Answer(fault.status, fault.body, fault.headers)), fault
        return self._own_answer(request), fault

    def _own_answer(self, request: Request) -> Answer:
        if request.path.startswith(ROOT):
            if not self.authority.accepts(request):
                return error(401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired.")
            address, _, rest = request.path.removeprefix(ROOT).partition("/")
            if request.method != "GET":
                return error(405, "Request_BadRequest", "Made-up mailboxes cannot be changed.")
            with self._counting:
                self._at_once[address] += 1
                self.most_at_once = max(self.most_at_once, self._at_once[address])
                too_many = self._at_once[address] > self.behaviour.at_a_time
            try:
                if too_many:
                    return error(429, "ApplicationThrottled", headers={"Retry-After": "1"})
                began = time.monotonic()
                own = answer(request, self.mailbox(address), rest, self.url)
                self._server.closing.wait(self.behaviour.latency_seconds - (time.monotonic() - began))
                return own
            finally:
                with self._counting:
                    self._at_once[address] -= 1
        return self.authority.answer(request, self.url) or error(404, "ResourceNotFound")


class _Connection(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True  # else the end of a long body waits for an acknowledgement
    server: _Server

    def do_GET(self) -> None:
        simulator, parts = self.server.simulator, urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(
            self.command,
            unquote(parts.path),
            dict(parse_qsl(parts.query, keep_blank_values=True)),
            {name.lower(): value for name, value in self.headers.items()},
            body,
        )
        answer, fault = simulator.answered(request)
        status = 0 if fault.reset else answer.status
        simulator.calls.append(Call(self.command, request.path, unquote(parts.query), status))
        if fault.reset:
            reset(self)
        else:
            self._send(answer, cut=fault.cut)

    def do_POST(self) -> None:
        self.do_GET()

    def _send(self, answer: Answer, *, cut: bool) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body[: len(answer.body) // 2] if cut else answer.body)
        self.close_connection = self.close_connection or cut

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Stay silent: `calls` is the log."""


class _Server(LoopbackServer):
    def __init__(self, address: tuple[str, int], simulator: Simulator) -> None:
        self.simulator = simulator
        super().__init__(address, _Connection)


_embedded: Final = EachProcess(lambda: Simulator().start())


def embedded() -> str:
    """Return the URL of this process's simulator, started on first use."""
    return _embedded.get().url
