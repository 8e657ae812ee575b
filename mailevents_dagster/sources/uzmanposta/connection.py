"""Connections that carry calls of this API and nothing else: one text goes out, one whole body comes in.

urllib3 opens them, with TLS and through proxies. What it does around requests and answers of every kind is left out:
that is half of what a call costs, and two thirds where the processor slept since the last one.
"""

from __future__ import annotations

import http.client
import time
import weakref
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, cast

import urllib3
from urllib3.response import GzipDecoder

from mailevents_dagster.sources.uzmanposta.headers import Response

MOST_BYTES: Final = 256 * 2**20
"""A full page of listing rows is 1 MB, the largest detail seen a few; beyond this a body is a fault, not data."""
PIECE: Final = 2**16
PACKED: Final = ("gzip", "x-gzip")


@dataclass(eq=False)
class Answer:
    """What a call brought. urllib3's pool puts attributes of its own here, and tells its log the last two."""

    connection: Connection
    status: int
    headers: Mapping[str, str]
    """By name, whatever its case."""
    arrived: float
    """When the headers had come, by the monotonic clock."""
    body: bytes
    version_string: ClassVar = "HTTP/1.1"
    length_remaining: ClassVar = 0


class Connection(urllib3.connection.HTTPConnection):
    """What urllib3's pool asks of a connection, for a GET that has no body and headers of ours."""

    def request(self, method: str, url: str, *, headers: Mapping[str, str], **_: object) -> None:  # type: ignore[override]
        lines = [f"{method} {url} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items()], "", ""]
        self.send("\r\n".join(lines).encode("ascii"))

    def getresponse(self) -> Answer:  # type: ignore[override]
        """The time-out of a socket counts from its last byte; that of a whole answer, from the first call for it."""
        seconds = cast("float", self.timeout)  # the pool has set it
        deadline = time.monotonic() + seconds
        self.sock.settimeout(seconds)
        response = Response(self.sock, method="GET")
        try:
            response.begin()
            arrived = time.monotonic()
            body = b"".join(_within(deadline, _unpacked(response)))
        except zlib.error as error:
            raise urllib3.exceptions.DecodeError(f"the body cannot be unpacked: {error}") from error
        finally:
            response.close()
        if response.will_close:
            self.close()
        return Answer(self, response.status, cast("Mapping[str, str]", response.msg), arrived, body)


class Connections:
    """Those of one account that are open and free. Threads may call at once."""

    def __init__(self) -> None:
        self._free: list[Connection] = []
        weakref.finalize(self, _close, self._free)

    def call(self, url: str, headers: Mapping[str, str], over_another: Callable[[str], Answer]) -> Answer:
        """Asks over a connection that is free, or over another that is opened for it."""
        connection = self._take()
        if connection is None:
            answer = over_another(url)
        else:
            try:
                connection.request("GET", url, headers=headers)
                answer = connection.getresponse()
            except BaseException:
                connection.close()  # what is left of the answer must not meet the next call
                raise
        if not answer.connection.is_closed:
            self._free.append(answer.connection)
        return answer

    def close(self) -> None:
        _close(self._free)

    def _take(self) -> Connection | None:
        try:
            connection = self._free.pop()
        except IndexError:
            return None
        if connection.is_connected:
            return connection
        connection.close()
        return None


def _close(connections: list[Connection]) -> None:
    while connections:
        connections.pop().close()


def _within(deadline: float, pieces: Iterable[bytes]) -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > MOST_BYTES:
            raise urllib3.exceptions.HTTPError(f"the body is longer than {MOST_BYTES:,} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError
        yield piece


def _unpacked(response: http.client.HTTPResponse) -> Iterator[bytes]:
    pieces = _pieces(response)
    if response.msg.get("Content-Encoding", "").strip().lower() not in PACKED:
        yield from pieces
        return
    decoder = GzipDecoder()
    for piece in pieces:
        yield decoder.decompress(piece, PIECE)
        while decoder.has_unconsumed_tail:  # a small piece may unpack to a huge one
            yield decoder.decompress(b"", PIECE)


def _pieces(response: http.client.HTTPResponse) -> Iterator[bytes]:
    while response.length != 0 and (piece := response.read1(PIECE)):
        yield piece
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
