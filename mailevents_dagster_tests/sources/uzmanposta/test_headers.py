"""Headers are what http.client says they are, and read without its parser of mail."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailevents_dagster.sources.uzmanposta import headers as headers_module
from mailevents_dagster.sources.uzmanposta.headers import LONGEST_LINE, MOST_LINES, parse_headers
from mailevents_dagster.sources.uzmanposta.simulator import Simulator
from mailevents_dagster_tests.conftest import INCOMING, START, MakeApi

PIECES = st.sampled_from(
    (
        *(b"Date: ", b"Content-Type: multipart/mixed; boundary=a", b"From a", b"X", b": ", b":", b" ", b"\t"),
        *(b"\r\n", b"\r\n", b"\n", b"\r", b"\xe9", b"\x00", b"\x0b", b"\x85", b"=?utf-8?q?a?="),
    )
)


def said(block: bytes, parse: Callable[[BytesIO], http.client.HTTPMessage]) -> object:
    """What a parser makes of the block, and what it leaves of the body behind it."""
    file = BytesIO(block)
    try:
        message = parse(file)
    except http.client.HTTPException as error:
        return type(error)
    return message.items(), message.get_payload(), file.read()


@given(st.lists(PIECES).map(b"".join))
@example(b"Content-Type: application/json\r\nSet-Cookie: a\r\nset-cookie:b \r\n\r\nbody: x\r\n")
@example(b"Folded: one\r\n two\r\n\r\nbody")
@example(b"Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\n")
@example(b"")
@example(b"X: " + b"y" * LONGEST_LINE + b"\r\n\r\n")
@example(b"X: y\r\n" * MOST_LINES + b"\r\n")
@example(b"X: y\r\n" * (MOST_LINES - 1) + b"\r\n")
@example(b"Transfer-Encoding: chunked\r\nX: \xe9\x85\x0b\x00\r\n\r\n")
def test_headers_are_read_as_http_client_reads_them(block: bytes) -> None:
    assert said(block, parse_headers) == said(block, http.client.parse_headers)


def test_answers_are_read_without_the_parser_of_mail(
    make_api: MakeApi, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were begin() of http.client to name its parser otherwise, that would be called again, and nothing be gained."""
    monkeypatch.setattr(headers_module.http.client.email.parser, "Parser", None)
    make_api(simulator.base_url).rows(INCOMING, START, START + 1)
