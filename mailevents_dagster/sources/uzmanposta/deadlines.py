"""A deadline for each call, from the connection to the last byte of the body.

The time-out of a socket starts anew with each byte, so an answer that drips in would never end by it.
"""

from __future__ import annotations

import socket
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Final

from urllib3 import HTTPResponse
from urllib3.connection import HTTPConnection, HTTPSConnection

LOOK_AGAIN: Final = 0.1
"""Seconds between two looks at least, while a call whose time is over has not ended yet."""


class Call:
    """A call that is under way, and the socket it uses."""

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        self.is_cut = False
        self.connection: HTTPConnection | None = None
        """While it is being opened: a proxy may drip, too."""
        self.socket: socket.socket | None = None
        """While the answer is awaited and read: a connection that is not used again forgets its socket before that."""

    def cut(self) -> None:
        """Shut the socket down, so that the thread that reads from it wakes up.

        Before there is a socket, the connection or TLS handshake is under way, which has a time-out as a whole.
        """
        self.is_cut = True
        used = self.socket or (self.connection and self.connection.sock)
        with suppress(OSError, AttributeError):  # it may have just ended, and TLS within TLS cannot be shut down
            used.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]


_this_thread = threading.local()


class PlainConnection(HTTPConnection):
    """A connection that its call knows as soon as it is being opened."""

    def connect(self) -> None:
        _this_thread.call.connection = self
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _this_thread.call.socket = self.sock
        return super().getresponse()


class SecureConnection(PlainConnection, HTTPSConnection):
    """The same over TLS."""


class Deadlines:
    """The deadlines of one client's calls, kept by a thread that sleeps until the next of them."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._calls: dict[int, Call] = {}
        closed = threading.Event()
        self.close = weakref.finalize(self, closed.set)
        threading.Thread(target=_keep, args=(self._calls, seconds, closed), name="deadlines", daemon=True).start()

    @contextmanager
    def call(self) -> Iterator[None]:
        """Give the block its seconds; raise TimeoutError if it took longer, even if it returned something."""
        thread = threading.get_ident()
        call = _this_thread.call = self._calls[thread] = Call(time.monotonic() + self._seconds)
        try:
            yield
        except Exception:
            if not call.is_cut:
                raise
        finally:
            del self._calls[thread], _this_thread.call
        if call.is_cut:  # also where nothing was raised: a body that ends with its connection looks whole
            raise TimeoutError(f"no whole answer within {self._seconds:g} s") from None


def _keep(calls: Mapping[int, Call], seconds: float, closed: threading.Event) -> None:
    """Cut each call whose time is over. A call that begins while this sleeps ends after it has woken up."""
    wait = seconds
    while not closed.wait(wait):
        now = time.monotonic()
        waiting = [call for call in dict(calls).values() if not call.is_cut]
        for call in waiting:
            if call.ends_at <= now:
                call.cut()
        wait = max(LOOK_AGAIN, min((call.ends_at for call in waiting if not call.is_cut), default=now + seconds) - now)
