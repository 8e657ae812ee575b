"""Connections: however an answer is sent it is read whole, and what is left of a broken one meets no later call."""

from __future__ import annotations

import gzip
import http.client
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import urllib3

from mailevents_dagster.sources.uzmanposta.access import Access, sender
from mailevents_dagster.sources.uzmanposta.connection import Answer, Connections
from mailevents_dagster_tests.conftest import DOMAIN, KEY
from mailevents_dagster_tests.sources.uzmanposta.answering import CERTIFICATE, answer, answering, tls, tunnelling
from mailevents_dagster_tests.sources.uzmanposta.calling import PATIENCE

BODY = b'[{"queue_id":"Q1"}]' * 5000
PLAIN = answer(BODY)

Sender = Callable[..., Callable[[str], Answer]]


@pytest.fixture
def make_sender() -> Iterator[Sender]:
    """What sends calls to a base URL; its connections are closed at the end."""
    made: list[Connections] = []
    session = requests.Session()

    def make(base_url: str, **access: Any) -> Callable[[str], Answer]:
        made.append(Connections())
        return sender(session, Access(DOMAIN, base_url, KEY, **{"timeout_seconds": PATIENCE} | access), made[-1])

    yield make
    for connections in made:
        connections.close()
    session.close()


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


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_read_whole_however_it_is_sent(way: str, make_sender: Sender) -> None:
    with answering(WAYS[way]) as server:
        send = make_sender(server.base_url)
        answers = [send(f"/{number}") for number in range(3)]
        assert [(one.status, one.body) for one in answers] == [(200, BODY)] * 3
        assert len(server.connections) == (3 if way in LAST else 1)


BROKEN = {
    "shorter than its length": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99\r\n\r\n[]",
    "without a body": b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 99\r\n\r\n",
    "within a chunk": b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n[]",
    "between chunks": b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n",
    "with a chunk of no length": chunked(b"", end=b"x\r\n"),
    "before it begins": b"connection: close\r\n",
    "with what is not HTTP": b"SMTP/1.1 220 here\r\nConnection: close\r\n\r\n",
    "packed as it is not": answer(b"not gzip", "Content-Encoding: gzip"),
    "packed and damaged": answer(gzip.compress(BODY)[:-8] + b"checksum", "Content-Encoding: gzip"),
}


@pytest.mark.parametrize("before", [0, 1], ids=["on a new connection", "on one that was used"])
@pytest.mark.parametrize("way", BROKEN)
def test_an_answer_that_breaks_off_is_an_error_and_the_next_call_is_answered(
    way: str, before: int, make_sender: Sender
) -> None:
    with answering(lambda number: BROKEN[way] if number == before + 1 else PLAIN) as server:
        send = make_sender(server.base_url)
        for _ in range(before):
            send("/before")
        with pytest.raises((urllib3.exceptions.HTTPError, http.client.HTTPException, OSError)):
            send("/broken")
        assert send("/after").body == BODY
        assert len(server.connections) == 2


def test_what_a_server_sends_too_much_is_no_answer_to_the_next_call(make_sender: Sender) -> None:
    with answering(lambda number: answer(b"[]") + answer(b"left over") if number == 1 else PLAIN) as server:
        send = make_sender(server.base_url)
        assert [send("/1").body, send("/2").body] == [b"[]", BODY]


def test_connections_that_the_server_ended_meanwhile_cost_no_attempt(make_sender: Sender) -> None:
    with answering(PLAIN) as server:
        send = make_sender(server.base_url)
        for times in (1, 2, 3):
            assert send("/").body == BODY
            assert len(server.connections) == times
            server.hang_up()
            assert server.ended.acquire(timeout=PATIENCE)


def test_urllib3_opens_a_connection_and_is_not_asked_for_the_calls_that_follow(
    make_sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    real = urllib3.HTTPConnectionPool.urlopen

    def urlopen(*args: Any, **how: Any) -> object:
        opened.append(args[2])
        return real(*args, **how)

    monkeypatch.setattr(urllib3.HTTPConnectionPool, "urlopen", urlopen)
    with answering(PLAIN) as server:
        send = make_sender(server.base_url)
        for number in range(5):
            send(f"/{number}")
        assert opened == ["/api/v2/0"]
        assert [head.split()[1] for head in server.heads] == [f"/api/v2/{number}".encode() for number in range(5)]


def test_threads_use_as_many_connections_as_there_are_calls_at_a_time(make_sender: Sender) -> None:
    together = threading.Barrier(4)

    def answers(_: int) -> bytes:
        together.wait(PATIENCE)  # until all four are asked at once
        return PLAIN

    with answering(answers) as server:
        send = make_sender(server.base_url)
        bodies: list[bytes] = []
        threads = [threading.Thread(target=lambda: bodies.extend(send("/").body for _ in range(5))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        assert bodies == [BODY] * 20
        assert len(server.connections) == 4


@pytest.mark.parametrize("forgotten", [False, True], ids=["closed", "forgotten"])
def test_connections_end_when_they_are_closed_or_forgotten(forgotten: bool) -> None:
    with answering(PLAIN) as server, requests.Session() as session:
        connections = Connections()
        send = sender(session, Access(DOMAIN, server.base_url, KEY), connections)
        send("/")
        if forgotten:
            del send, connections
        else:
            connections.close()
        assert server.ended.acquire(timeout=PATIENCE)


def test_calls_go_over_tls_and_through_a_proxy_to_a_server_that_is_trusted(
    make_sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    asked: list[bytes] = []
    with answering(PLAIN, tls()) as server, tunnelling(asked) as proxy:
        direct = make_sender(server.base_url)
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy}")
        monkeypatch.setenv("no_proxy", "")
        tunnelled = make_sender(server.base_url)
        for send in (direct, tunnelled):
            assert [send("/1").body, send("/2").body] == [BODY] * 2
        assert len(server.connections) == 2
        assert {head.split(b"\r\n")[1] for head in server.heads} == {f"Host: 127.0.0.1:{server.port}".encode()}
        assert [head.split()[:2] for head in asked] == [[b"CONNECT", f"127.0.0.1:{server.port}".encode()]]
        assert KEY.encode() not in asked[0]


def test_a_server_that_nobody_vouches_for_is_sent_nothing(make_sender: Sender) -> None:
    with answering(PLAIN, tls()) as server:
        send = make_sender(server.base_url)
        for _ in range(2):
            with pytest.raises(urllib3.exceptions.SSLError):
                send("/")
        assert server.heads == []
