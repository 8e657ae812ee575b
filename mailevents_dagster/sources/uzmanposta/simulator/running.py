"""Simulator: the API in a thread of this process, with the truth about its mail and a log of its calls."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Final, Self

from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.simulator.answers import Api
from mailevents_dagster.sources.uzmanposta.simulator.behaviour import Behaviour
from mailevents_dagster.sources.uzmanposta.simulator.calls import Calls
from mailevents_dagster.sources.uzmanposta.simulator.faults import Faults
from mailevents_dagster.sources.uzmanposta.simulator.mail import EventSource, GeneratedMail
from mailevents_dagster.sources.uzmanposta.simulator.messages import BASE_PATH
from mailevents_dagster.sources.uzmanposta.simulator.records import Record, is_queued
from mailevents_dagster.sources.uzmanposta.simulator.server import Service
from mailevents_dagster.sources.uzmanposta.simulator.times import known_time

BACKLOG: Final = 1024


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
            raise ValueError(f"{host} is no loopback address; the simulator serves this machine alone")
        behaviour = behaviour or Behaviour()
        self.source: EventSource = source or GeneratedMail(behaviour.seed, behaviour.events_per_hour, domains)
        self.faults = Faults()
        self.calls = Calls()
        self.fail_next = self.faults.fail_next
        self._api = Api(behaviour, self.source, now)
        self._service = Service(self._api, self.faults, self.calls)
        self._address = (host, port)
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] = lambda: None

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
        """Serves until `close()`; started again after that, it keeps its port."""
        if self._thread is None:
            listening = socket.create_server(self._address, backlog=BACKLOG)
            self._address = (self._address[0], listening.getsockname()[1])
            ready = threading.Event()
            self._thread = threading.Thread(
                target=lambda: asyncio.run(self._serve(listening, ready)), name="uzmanposta-simulator", daemon=True
            )
            self._thread.start()
            ready.wait()
        return self

    def close(self) -> None:
        """Ends all connections and frees the port; a second call does nothing."""
        if self._thread is not None:
            self._stop()
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def truth(self, domain: str, feed_name: str, start: int, end: int) -> list[Record]:
        """What a perfect collector holds for `[start, end)` once all of it is visible: details, oldest first."""
        rows = self.source.rows(domain, feed_name, start, end - 1)
        if not FEED_KINDS[feed_name].has_details:
            return rows
        return [self._detail(row) or row for row in rows]

    def _detail(self, row: Record) -> Record | None:
        return self.source.detail(str(row["queue_id"]), known_time(row)) if is_queued(row) else None

    async def _serve(self, listening: socket.socket, ready: threading.Event) -> None:
        loop, stopping = asyncio.get_running_loop(), asyncio.Event()
        server = await loop.create_server(self._service.connection, sock=listening, backlog=BACKLOG)
        self._stop = lambda: loop.call_soon_threadsafe(stopping.set)
        ready.set()
        await stopping.wait()
        server.close()
        for connection in list(self._service.connections):
            connection.abort()


def serve(
    port: int,
    behaviour: Behaviour | None = None,
    domains: Iterable[str] = (),
    announce: Callable[[str], object] = lambda _: None,
) -> None:
    """Serves in the foreground until interrupted; `announce` is told the base URL once calls can come."""
    with Simulator(behaviour, domains=domains, port=port) as simulator:
        try:  # from before anybody can know of it: the interrupt may follow the word at once
            announce(simulator.base_url)
            threading.Event().wait()
        except KeyboardInterrupt:
            return
