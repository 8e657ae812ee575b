"""A body, and the ways in which a server may send it."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import urllib3

from mailevents_dagster.sources.uzmanposta.transport import Answer
from mailevents_dagster_tests.sources.uzmanposta.answering import (
    answer,
)

BODY = b'[{"queue_id":"Q1"}]' * 5000
PLAIN = answer(BODY)

FAILURES = (urllib3.exceptions.HTTPError, OSError)

MakeSender = Callable[..., Callable[[str], Answer]]


def chunked(body: bytes, *headers: str, size: int = 1000, end: bytes = b"0\r\n\r\n") -> bytes:
    chunks = [body[first : first + size] for first in range(0, len(body), size)]
    lines = ["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *headers, "", ""]
    return b"".join(["\r\n".join(lines).encode(), *(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks), end])


HALF = len(BODY) // 2
WAYS = {
    "with its length": PLAIN,
    "in chunks": chunked(BODY),
    "in chunks with something behind them": chunked(BODY, end=b"0\r\nDigest: x\r\n\r\n"),
    "until the end of the connection": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY,
    "in HTTP/1.0": b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n" + BODY,
    "behind a 100": b"HTTP/1.1 100 Continue\r\n\r\n" + PLAIN,
    "packed": answer(gzip.compress(BODY), "Content-Encoding: gzip"),
    "packed by another name": answer(gzip.compress(BODY), "content-encoding: X-GZIP"),
    "packed and in chunks": chunked(gzip.compress(BODY), "Content-Encoding: gzip", size=7),
    "packed in two": answer(gzip.compress(BODY[:HALF]) + gzip.compress(BODY[HALF:]), "Content-Encoding: gzip"),
    "not packed, and saying so": answer(BODY, "Content-Encoding: identity"),
    "and the connection closed": answer(BODY, "Connection: close"),
    "and the connection not closed as it was said": answer(BODY, "Connection: close, soon"),
}
LAST = {
    "until the end of the connection",
    "in HTTP/1.0",
    *(way for way in WAYS if way.startswith("and the connection")),
}
"""Ways after which a connection serves no other call."""
