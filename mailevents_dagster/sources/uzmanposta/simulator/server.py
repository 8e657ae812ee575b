"""HTTP over asyncio: connections that answer one request after the other, whole or spoilt as the answer says."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from functools import lru_cache
from typing import Final

from mailevents_dagster.sources.uzmanposta.simulator.answers import Api
from mailevents_dagster.sources.uzmanposta.simulator.calls import Call, Calls
from mailevents_dagster.sources.uzmanposta.simulator.faults import Faults
from mailevents_dagster.sources.uzmanposta.simulator.messages import Answer, Request, error, head, interim
from mailevents_dagster.sources.uzmanposta.simulator.parser import MOST_HEAD_BYTES, Head, read_head, refused

_HEAD_END: Final = b"\r\n\r\n"
TIMER_LATENESS: Final = 0.0007
"""The event loop's timers end on the next full millisecond and a little later; this keeps the mean what was asked."""
_CLOSE_WITH_RESET: Final = struct.pack("ii", 1, 0)


class Service:
    """What all connections of one simulator share."""

    def __init__(self, api: Api, faults: Faults, calls: Calls) -> None:
        self.api = api
        self.faults = faults
        self.calls = calls
        self.connections: set[Connection] = set()

    def connection(self) -> Connection:
        return Connection(self)

    def answer(self, request: Request) -> Answer:
        """The answer to a request, faults and latency included; the call is logged."""
        arrival = time.monotonic()
        fault = self.faults.take(request)
        if fault is None:
            answer = self.api.answer(request)
        else:
            answer = fault if fault.reset or fault.status is not None else self._spoilt(request, fault)
        status = 0 if answer.reset else answer.status or 200
        if answer.body is None:
            answer = replace(answer, body=error(status, "The simulator was asked to fail").body)
        self.calls.add(Call(request.kind, request.path, request.params, request.key, status, arrival))
        return answer

    def _spoilt(self, request: Request, fault: Answer) -> Answer:
        own = self.api.answer(request)
        body = own.body if fault.body is None else fault.body
        return replace(fault, status=own.status, body=body, headers={**own.headers, **fault.headers})

    def date(self) -> str:
        return _date(int(self.api.now()))


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)


class Connection(asyncio.Protocol):
    """One connection: requests are answered in their order, the next once the last is written."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._buffer = bytearray()
        self._busy = False
        self._transport: asyncio.Transport | None = None
        self._later: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport
            self._service.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the protocol's signature
        self._transport = None
        self._service.connections.discard(self)
        if self._later:
            self._later.cancel()

    def abort(self) -> None:
        if self._transport:
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._busy and self._transport and len(self._buffer) > MOST_HEAD_BYTES:
            self._transport.pause_reading()
        self._serve_next()

    def _serve_next(self) -> None:
        while self._transport and not self._transport.is_closing() and not self._busy:
            end = self._buffer.find(_HEAD_END)
            if end > MOST_HEAD_BYTES or (end < 0 and len(self._buffer) > MOST_HEAD_BYTES):
                self._deliver(refused(431, "The request is too long"))
            elif end < 0:
                self._transport.resume_reading()
                return
            else:
                text = bytes(self._buffer[:end])
                del self._buffer[: end + len(_HEAD_END)]
                self._deliver(read_head(text))

    def _deliver(self, asked: Head) -> None:
        arrived = time.monotonic()
        answer = asked.refusal or self._service.answer(asked.request)
        delay = answer.delay + self._service.api.behaviour.latency_seconds
        self._busy = True
        if delay > 0:
            self._wait(
                delay - (time.monotonic() - arrived) - TIMER_LATENESS,
                lambda: self._send_and_go_on(answer, keep_alive=asked.keep_alive),
            )
        else:
            self._send(answer, keep_alive=asked.keep_alive)

    def _send_and_go_on(self, answer: Answer, *, keep_alive: bool) -> None:
        self._send(answer, keep_alive=keep_alive)
        self._serve_next()

    def _send(self, answer: Answer, *, keep_alive: bool) -> None:
        if self._transport is None:
            return
        if answer.reset:
            self._reset(self._transport)
        elif answer.endless:
            self._transport.write(self._head(answer, "Transfer-Encoding: chunked", keep_alive=keep_alive))
            self._send_endlessly(answer.body or b" ", answer.chunk_pause)
        else:
            body = answer.body or b""
            length = f"Content-Length: {max(1, len(body)) if answer.truncated else len(body)}"
            sent = body[: len(body) // 2] if answer.truncated else body
            self._transport.write(self._head(answer, length, keep_alive=keep_alive) + sent)
            if answer.truncated or not keep_alive:
                self._transport.close()
            self._busy = False

    def _send_endlessly(self, chunk: bytes, pause: float) -> None:
        if self._transport:
            self._transport.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            self._wait(pause, lambda: self._send_endlessly(b" ", pause))

    def _head(self, answer: Answer, framing: str, *, keep_alive: bool) -> bytes:
        return interim(answer) + head(answer, framing, self._service.date(), keep_alive=keep_alive)

    def _wait(self, seconds: float, then: Callable[[], None]) -> None:
        self._later = asyncio.get_running_loop().call_later(seconds, then)

    @staticmethod
    def _reset(transport: asyncio.Transport) -> None:
        """Closes at once and with unsent data dropped, which makes the kernel send a reset."""
        connected: socket.socket = transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_WITH_RESET)
        transport.abort()
