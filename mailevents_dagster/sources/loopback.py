"""What simulated servers on a loopback port have in common: connections that can be reset, a port that is freed,
and one of them in each process."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Generic, TypeVar

T = TypeVar("T")
_CLOSE_WITH_RESET: Final = struct.pack("ii", 1, 0)


class LoopbackServer(ThreadingHTTPServer):
    """A server that ends its connections, with whatever they wait for, when it is closed."""

    request_queue_size = 1024

    def __init__(self, address: tuple[str, int], connection: type[BaseHTTPRequestHandler]) -> None:
        self.closing = threading.Event()
        self._connected: set[socket.socket] = set()
        super().__init__(address, connection)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connected.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connected.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # which says that the client has gone
            super().handle_error(request, client_address)

    def close(self) -> None:
        """Free the port, and end the connections with whatever they wait for."""
        self.closing.set()
        self.shutdown()
        self.server_close()
        for connection in self._connected.copy():
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class EachProcess(Generic[T]):
    """What each process makes for itself when it first asks for it, such as a server.

    A fork copies the memory, but not the threads that serve, and perhaps a held lock.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._own: dict[int, tuple[threading.Lock, list[T]]] = {}

    def get(self) -> T:
        making, made = self._own.setdefault(os.getpid(), (threading.Lock(), []))
        with making:
            if not made:
                made.append(self._make())
            return made[0]


def reset(connection: BaseHTTPRequestHandler) -> None:
    """Close the socket at once and with unsent data dropped, which makes the kernel send a reset."""
    connection.close_connection = True
    connection.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _CLOSE_WITH_RESET)
    socket.close(connection.connection.detach())
