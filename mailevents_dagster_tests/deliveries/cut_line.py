"""A line to a server that is cut after so many bytes."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from typing import Self


class CutLine:
    """Hands connections on; each is cut once the client has sent as many bytes as `cuts` says next, if anything."""

    def __init__(self, port: int, *cuts: int) -> None:
        self._to = port
        self.cuts = list(cuts)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._begin(self._accept)

    def _begin(self, work: object, *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self._to))
                room = self.cuts.pop(0) if self.cuts else None
                self._begin(self._copy, client, server, room)
                self._begin(self._copy, server, client, None)

    def _copy(self, source: socket.socket, target: socket.socket, room: int | None) -> None:
        with suppress(OSError):
            while (room is None or room > 0) and (data := source.recv(65_536)):
                target.sendall(data)
                room = None if room is None else room - len(data)
        for one in (source, target):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for thread in self._threads:
            thread.join(10)
