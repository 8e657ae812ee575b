"""Connections that send their headers slowly, or nothing: each has so long until its request begins.

uvicorn bounds the time between requests, but not that in which headers come. So each connection is handed to uvicorn's
own protocol through one that watches the clock, which the application stops once it has the headers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEADER_SECONDS: Final = 15.0


class Patience:
    """The connections whose next request has not begun."""

    def __init__(self, seconds: float = HEADER_SECONDS) -> None:
        self._seconds = seconds
        self._connected: dict[Any, asyncio.BaseTransport] = {}
        self._timers: MutableMapping[Any, asyncio.TimerHandle] = {}

    def connection(self, **given: Any) -> asyncio.Protocol:
        """Return a protocol as uvicorn makes its own, for one connection."""
        make: Callable[..., asyncio.Protocol] = AutoHTTPProtocol
        return _Watched(make(**given), self)

    def app(self, app: ASGIApp) -> ASGIApp:
        """Return the application, which stops the clock of its connection while it is at work."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            client = _client(scope.get("client"))
            self._stop(client)
            try:
                await app(scope, receive, send)
            finally:
                self._start(client)

        return watched

    def begin(self, transport: asyncio.BaseTransport) -> None:
        client = _client(transport.get_extra_info("peername"))
        self._connected[client] = transport
        self._start(client)

    def end(self, transport: asyncio.BaseTransport) -> None:
        client = _client(transport.get_extra_info("peername"))
        self._stop(client)
        self._connected.pop(client, None)

    def _start(self, client: Any) -> None:
        if client in self._connected:
            self._stop(client)
            loop = asyncio.get_running_loop()
            self._timers[client] = loop.call_later(self._seconds, self._connected[client].close)

    def _stop(self, client: Any) -> None:
        if timer := self._timers.pop(client, None):
            timer.cancel()


class _Watched(asyncio.Protocol):
    """Hands everything on to another protocol."""

    def __init__(self, inner: asyncio.Protocol, patience: Patience) -> None:
        self._inner = inner
        self._patience = patience
        self._transport: asyncio.BaseTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._patience.begin(transport)
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport:
            self._patience.end(self._transport)
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()


def _client(address: Any) -> Any:
    """Return what a connection is known by: the address and the port of who called."""
    return tuple(address[:2]) if address else None
