"""An answer has a deadline and a size, whatever of it drips in and whatever it unpacks to."""

from __future__ import annotations

import gc
import gzip
import tracemalloc
from itertools import repeat

import pytest
import urllib3

from mailevents_dagster.sources.uzmanposta.transport import MOST_BYTES
from mailevents_dagster_tests.sources.uzmanposta.answering import (
    CERTIFICATE,
    answer,
    answering,
    dripping,
    tls,
)
from mailevents_dagster_tests.sources.uzmanposta.sending import BODY, PLAIN, MakeSender

pytestmark = pytest.mark.slow

# --- one deadline


HEAD, _, _ = PLAIN.partition(b"[")
DRIPPED = {
    "its status line": (PLAIN, 0),
    "its headers": (PLAIN.replace(b"\r\n", b"\r\nX-Filler: " + b"x" * 1000 + b"\r\n", 1), len(b"HTTP/1.1 200 OK\r\n")),
    "its body": (PLAIN, len(HEAD)),
    "a body that ends with the connection": (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + BODY, 40),
    "interim answers without end": (b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, 0),
}


@pytest.mark.parametrize("secure", [False, True], ids=["in the clear", "over TLS"])
@pytest.mark.parametrize("what", DRIPPED)
def test_an_answer_that_drips_in_ends_at_the_deadline_whatever_of_it_drips(
    what: str, secure: bool, make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(CERTIFICATE))
    sent, whole_first = DRIPPED[what]
    with answering(
        lambda number: dripping(sent, whole_first) if number == 1 else PLAIN, tls() if secure else None
    ) as server:
        send = make_sender(server.base_url, timeout_seconds=0.5)
        with pytest.raises(TimeoutError):
            send("/")
        assert make_sender(server.base_url)("/").body == BODY


def test_interim_answers_at_full_speed_end_at_the_deadline_too(make_sender: MakeSender) -> None:
    with answering(lambda _: repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)) as server, pytest.raises(TimeoutError):
        make_sender(server.base_url, timeout_seconds=0.5)("/")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_proxy_that_drips_its_consent_is_left_at_the_deadline(
    make_sender: MakeSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(lambda _: dripping(b"HTTP/1.1 200 OK\r\nX-Filler: " + b"x" * 1000)) as proxy:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{proxy.port}")
        with pytest.raises(TimeoutError):
            make_sender("https://api.invalid/api/v2", timeout_seconds=0.5)("/")
    gc.collect()  # ssl leaves a socket that has no other side any more to the collector


# --- sizes


@pytest.mark.parametrize("packed", [False, True], ids=["as it is", "packed"])
def test_a_body_of_more_than_32_megabytes_is_a_fault_and_one_of_32_is_read(
    packed: bool, make_sender: MakeSender
) -> None:
    def answers(number: int) -> bytes:
        body = b" " * (MOST_BYTES + number - 1)
        return answer(gzip.compress(body, 1), "Content-Encoding: gzip") if packed else answer(body)

    with answering(answers) as server:
        send = make_sender(server.base_url)
        assert len(send("/").body) == 32 * 2**20
        with pytest.raises(urllib3.exceptions.HTTPError, match="longer than 33,554,432 bytes"):
            send("/")


@pytest.mark.slow
def test_a_small_body_that_unpacks_to_a_huge_one_costs_little_more_memory_than_the_limit(
    make_sender: MakeSender,
) -> None:
    bomb = gzip.compress(gzip.compress(b" " * 2**28, 9), 9)
    with answering(answer(bomb, "Content-Encoding: gzip, gzip")) as server:
        send = make_sender(server.base_url)
        tracemalloc.start()
        try:
            with pytest.raises(urllib3.exceptions.HTTPError, match="longer than"):
                send("/")
            assert tracemalloc.get_traced_memory()[1] < 2 * MOST_BYTES
        finally:
            tracemalloc.stop()
