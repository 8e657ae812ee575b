"""Connections to the API: how many there are and what they carry."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mailevents_dagster.sources.uzmanposta.access import Access
from mailevents_dagster_tests.conftest import DOMAIN, INCOMING, KEY, START, MakeApi
from mailevents_dagster_tests.sources.uzmanposta.answering import AnsweringServer, answer, answering


def sometimes_busy(number: int) -> bytes:
    return answer(b"[]", status="503 Busy" if number % 4 == 2 else "200 OK")


@pytest.fixture
def counting() -> Iterator[AnsweringServer]:
    with answering(sometimes_busy) as server:
        yield server


def test_one_connection_serves_all_calls_also_after_errors(
    counting: AnsweringServer, make_api: MakeApi, waits: list[float]
) -> None:
    api = make_api(counting.base_url)
    for _ in range(9):
        assert list(api.rows(INCOMING, START, START + 3600)) == []
    assert len(counting.heads) == 12
    assert len(counting.connections) == 1


def test_the_key_goes_out_as_a_bearer_token_and_not_the_one_of_a_netrc(
    counting: AnsweringServer, make_api: MakeApi, tmp_path: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="ascii") as file:
        file.write("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", netrc)
    make_api(counting.base_url).rows(INCOMING, START, START + 3600)
    assert f"Authorization: Bearer {KEY}\r\n".encode() in counting.heads[0]


def test_an_access_shows_the_variable_and_not_the_key() -> None:
    access = Access(DOMAIN, "https://api.example/v2", KEY, "KEY_OF_EXAMPLE")
    assert f"{access} {access!r}".count("KEY_OF_EXAMPLE") == 2
    assert KEY not in f"{access} {access!r}"
