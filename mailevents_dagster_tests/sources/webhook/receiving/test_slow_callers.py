"""Callers that take their time, hang up, or send what is no HTTP."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mailevents_dagster.sources.webhook.receiving.app import Limits
from mailevents_dagster.sources.webhook.receiving.patience import Patience
from mailevents_dagster_tests.sources.webhook.receivers import PATIENCE_SECONDS, Running, running
from mailevents_dagster_tests.sources.webhook.senders import JSON, mailgun_body, mailgun_event

pytestmark = pytest.mark.slow

BODY = mailgun_body(mailgun_event())
HEAD = (
    f"POST /webhooks/mailgun HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(BODY)}\r\n"
)


def connect(receiver: Running) -> socket.socket:
    parts = urlsplit(receiver.url)
    return socket.create_connection((parts.hostname, parts.port), PATIENCE_SECONDS)


def rest_of(connection: socket.socket) -> bytes:
    """All that comes until the other side ends the connection."""
    found = b""
    while part := connection.recv(65536):
        found += part
    return found


@pytest.mark.parametrize("begun", [b"", b"POST /webh", HEAD.encode()], ids=["nothing", "a line", "no end"])
def test_headers_that_do_not_come_end_the_connection(tmp_path: Path, begun: bytes) -> None:
    with running(tmp_path, patience=Patience(0.2)) as receiver, connect(receiver) as connection:
        connection.sendall(begun)
        assert rest_of(connection) == b""
        assert receiver.post("mailgun", mailgun_body(mailgun_event()), JSON).status_code == 200


def test_headers_of_a_second_request_have_no_more_time(tmp_path: Path) -> None:
    with running(tmp_path, patience=Patience(0.5)) as receiver, connect(receiver) as connection:
        connection.sendall(f"{HEAD}\r\n".encode() + BODY + b"POST /webh")
        answer = rest_of(connection)
        assert answer.startswith(b"HTTP/1.1 200")
        assert answer.count(b"HTTP/1.1") == 1


def test_a_body_that_does_not_come_is_to_be_sent_again(tmp_path: Path) -> None:
    with running(tmp_path, Limits(100_000, body_seconds=0.2)) as receiver, connect(receiver) as connection:
        connection.sendall(f"{HEAD}\r\n".encode() + BODY[:10])
        assert rest_of(connection).startswith(b"HTTP/1.1 503")
        assert receiver.kept("mailgun") == []


def test_the_clock_stops_while_a_request_is_at_work(tmp_path: Path) -> None:
    limits = Limits(100_000, body_seconds=1.0)
    with running(tmp_path, limits, Patience(0.2)) as receiver, connect(receiver) as connection:
        connection.sendall(f"{HEAD}\r\n".encode() + BODY[:10])
        assert rest_of(connection).startswith(b"HTTP/1.1 503")  # and not cut off before


def test_a_caller_that_hangs_up_leaves_nothing(receiver: Running) -> None:
    for sent in (b"", HEAD.encode(), f"{HEAD}\r\n".encode() + BODY[:50]):
        with connect(receiver) as connection:
            connection.sendall(sent)
    assert receiver.post("mailgun", BODY, JSON).status_code == 200
    assert len(receiver.kept("mailgun")) == 1


def test_what_is_no_http_is_refused(receiver: Running) -> None:
    for sent in (b"\x16\x03\x01\x02\x00\x01\n\n", b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n"):
        with connect(receiver) as connection:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            assert rest_of(connection).startswith((b"HTTP/1.1 400", b""))
    assert receiver.post("mailgun", BODY, JSON).status_code == 200


def test_many_large_bodies_at_once_are_told_to_come_again(tmp_path: Path) -> None:
    with running(tmp_path, Limits(100_000, in_flight=50)) as receiver:
        assert receiver.post("mailgun", BODY, JSON).status_code == 503
