"""Transport: however an answer is sent it is read whole and in time, and what is left of one meets no later call."""

from __future__ import annotations

import gzip
import threading
from base64 import b64encode

import pytest
import urllib3

from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster.sources.uzmanposta.transport import Transport
from mailevents_dagster_tests.conftest import DOMAIN, KEY
from mailevents_dagster_tests.sources.uzmanposta.answering import (
    CERTIFICATE,
    answer,
    answering,
    tls,
    tunnelling,
)
from mailevents_dagster_tests.sources.uzmanposta.calling import PATIENCE
from mailevents_dagster_tests.sources.uzmanposta.sending import BODY, FAILURES, LAST, PLAIN, WAYS, MakeSender, chunked


@pytest.mark.parametrize("way", WAYS)
def test_an_answer_is_read_whole_however_it_is_sent(way: str, make_sender: MakeSender) -> None:
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
    way: str, before: int, make_sender: MakeSender
) -> None:
    with answering(lambda number: BROKEN[way] if number == before + 1 else PLAIN) as server:
        send = make_sender(server.base_url)
        for _ in range(before):
            send("/before")
        with pytest.raises(FAILURES):
            send("/broken")
        assert send("/after").body == BODY
        assert len(server.connections) == (
            1 if way.startswith("packed") else 2
        )  # a body that was read whole leaves nothing


def test_what_a_server_sends_too_much_is_no_answer_to_the_next_call(make_sender: MakeSender) -> None:
    with answering(lambda number: answer(b"[]") + answer(b"left over") if number == 1 else PLAIN) as server:
        send = make_sender(server.base_url)
        assert [send("/1").body, send("/2").body] == [b"[]", BODY]


def test_connections_that_the_server_ended_meanwhile_cost_no_attempt(make_sender: MakeSender) -> None:
    with answering(PLAIN) as server:
        send = make_sender(server.base_url)
        for times in (1, 2, 3):
            assert send("/").body == BODY
            assert len(server.connections) == times
            server.hang_up()
            assert server.ended.acquire(timeout=PATIENCE)


def test_threads_use_as_many_connections_as_there_are_calls_at_a_time(make_sender: MakeSender) -> None:
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
    with answering(PLAIN) as server:
        transport = Transport(Access(DOMAIN, server.base_url, KEY))
        transport.get("/")
        if forgotten:
            del transport
        else:
            transport.close()
        assert server.ended.acquire(timeout=PATIENCE)


def test_calls_go_over_tls_and_through_a_proxy_to_a_server_that_is_trusted(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
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


def test_a_server_that_nobody_vouches_for_is_sent_nothing(make_sender: MakeSender) -> None:
    with answering(PLAIN, tls()) as server:
        send = make_sender(server.base_url)
        for _ in range(2):
            with pytest.raises(urllib3.exceptions.SSLError):
                send("/")
        assert server.heads == []


# --- whose answer it is


INTERIM = {
    "102": b"HTTP/1.1 102 Processing\r\n\r\n",
    "103": b"HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    "199": b"HTTP/1.1 199 Whatever\r\n\r\n",
    "several": b"HTTP/1.1 102 Processing\r\n\r\n" * 3,
}


@pytest.mark.parametrize("together", [True, False], ids=["in one piece with the answer", "before the answer"])
@pytest.mark.parametrize("interim", INTERIM)
def test_no_call_gets_the_answer_to_another_where_interim_answers_are_sent(
    interim: str, together: bool, make_sender: MakeSender
) -> None:
    def answers(number: int) -> list[bytes]:
        pieces = [answer(str(number).encode())] if number % 3 else [INTERIM[interim], answer(str(number).encode())]
        return [b"".join(pieces)] if together else pieces

    with answering(answers) as server:
        send = make_sender(server.base_url)
        for number in range(1, 13):
            try:
                body = send(f"/{number}").body
            except FAILURES:
                assert number % 3 == 0
            else:
                assert body == str(number).encode()
        assert len(server.heads) == 12


LEFT_OVER = {
    "a whole answer": answer(b"left over"),
    "a part of one": answer(b"left over")[:20],
    "junk": b"\x00" * 100_000,
}


@pytest.mark.parametrize("left", LEFT_OVER)
@pytest.mark.parametrize("status", ["200 OK", "204 No Content", "304 Not Modified", "404 Not Found"])
def test_what_is_sent_behind_an_answer_is_never_the_answer_to_the_next_call(
    status: str, left: str, make_sender: MakeSender
) -> None:
    def answers(number: int) -> bytes:
        return answer(str(number).encode(), status=status) + LEFT_OVER[left]

    with answering(answers) as server:
        send = make_sender(server.base_url)
        bodies = {send(f"/{number}").body for number in range(1, 6)}
        assert bodies <= {b"", *(str(number).encode() for number in range(1, 6))}
        assert status.startswith(("204", "304")) or len(bodies) == 5


# --- proxies


def test_a_proxy_never_sees_the_key_and_is_not_asked_where_there_is_no_tls(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    with answering(PLAIN) as server, answering(PLAIN) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://user:secret@127.0.0.1:{proxy.port}")
        assert make_sender(server.base_url)("/").body == BODY
        assert (len(server.heads), proxy.heads) == (1, [])


def test_a_proxy_is_shown_its_own_credentials_for_each_connection_and_the_server_is_not(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    monkeypatch.setenv("no_proxy", "")
    asked: list[bytes] = []
    last = answer(b"[]", "Connection: close")
    with answering(last, tls()) as server, tunnelling(asked) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:secret@127.0.0.1:{proxy}")
        send = make_sender(server.base_url)
        for _ in range(3):
            send("/")
        credentials = b"Proxy-Authorization: Basic " + b64encode(b"user:secret")
        assert [credentials in head for head in asked] == [True] * 3
        assert not any(KEY.encode() in head or b"GET" in head for head in asked)
        assert not any(b"Proxy-Authorization" in head for head in server.heads)
        assert all(f"Authorization: Bearer {KEY}".encode() in head for head in server.heads)
