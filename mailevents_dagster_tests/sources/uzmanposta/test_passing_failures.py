"""What may pass is asked for again, within bounds, and told by its cause if it does not pass."""

from __future__ import annotations

import gzip
import socket
import threading
from contextlib import suppress

import pytest

from mailevents_dagster.sources.uzmanposta import transport
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import Cause, TransientError
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Simulator
from mailevents_dagster_tests.conftest import START, MakeApi
from mailevents_dagster_tests.sources.uzmanposta.answering import answer as sent
from mailevents_dagster_tests.sources.uzmanposta.answering import answering
from mailevents_dagster_tests.sources.uzmanposta.calling import PATIENCE, failure, listed

HTML = Answer(200, {"Content-Type": "text/html"}, b"<html><body>Maintenance</body></html>")
PASSING = {
    "500": (Answer(500), Cause.SERVER),
    "502": (Answer(502, {"Content-Type": "text/html"}, b"<html>Bad gateway</html>"), Cause.SERVER),
    "503": (Answer(503), Cause.SERVER),
    "408": (Answer(408), Cause.SERVER),
    "reset": (Answer(reset=True), Cause.RESET),
    "truncated": (Answer(truncated=True), Cause.PROTOCOL),
    "html": (HTML, Cause.PROTOCOL),
    "empty": (Answer(200, body=b""), Cause.PROTOCOL),
    "null": (Answer(200, body=b"null"), Cause.PROTOCOL),
    "object": (Answer(200, body=b"{}"), Cause.PROTOCOL),
    "numbers": (Answer(200, body=b"[1,2]"), Cause.PROTOCOL),
    "NaN": (Answer(200, body=b'[{"time":NaN}]'), Cause.PROTOCOL),
    "bad gzip": (Answer(200, {"Content-Encoding": "gzip"}, b"not gzip"), Cause.PROTOCOL),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_failure_is_retried(name: str, api: UzmanPostaApi, simulator: Simulator, waits: list[float]) -> None:
    simulator.fail_next("/logs", PASSING[name][0], times=2)
    assert listed(api) == ["Q1"]
    assert api.tally.retries == 2
    assert len(waits) == 2


@pytest.mark.parametrize("name", PASSING)
def test_a_failure_that_does_not_pass_ends_typed_after_the_attempts(
    name: str, api: UzmanPostaApi, simulator: Simulator
) -> None:
    answer, cause = PASSING[name]
    simulator.fail_next("/logs", answer, times=None)
    error = failure(lambda: listed(api))
    assert isinstance(error, TransientError)
    assert error.cause is cause
    assert simulator.base_url in str(error)
    assert len(simulator.calls) == 3


DETAIL_FAULTS = {
    "array": b"[]",
    "null": b"null",
    "text": b'"x"',
    "another mail": b'{"queue_id":"Q2","recipients":[]}',
    "empty object": b"{}",
    "error object": b'{"status":"error","code":500,"message":"Internal error"}',
}


@pytest.mark.parametrize("name", DETAIL_FAULTS)
def test_an_answer_that_is_no_detail_of_the_mail_is_retried(
    name: str, api: UzmanPostaApi, simulator: Simulator
) -> None:
    simulator.fail_next("/logs/mail/", Answer(200, body=DETAIL_FAULTS[name]))
    assert b'"logs":' in api.detail("Q1", START).raw


def test_the_connection_is_clean_after_a_failure(api: UzmanPostaApi, simulator: Simulator) -> None:
    for answer, _ in PASSING.values():
        simulator.fail_next("/logs", answer)
        assert listed(api) == ["Q1"]


def test_an_endless_body_is_cut_at_a_bound(
    api: UzmanPostaApi, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 10_000)
    simulator.fail_next("/logs", Answer(200, endless=True, body=b" " * 4096, chunk_pause=0.0), times=None)
    error = failure(lambda: listed(api))
    assert isinstance(error, TransientError)
    assert error.cause is Cause.PROTOCOL
    assert len(simulator.calls) == 3


@pytest.mark.parametrize(
    ("answer", "timeout_seconds"),
    [
        pytest.param(Answer(200, endless=True, body=b"[", chunk_pause=0.02), 0.2, id="its body trickles in for ever"),
        pytest.param(Answer(delay=60), 0.1, id="it never begins"),
    ],
)
def test_an_answer_that_does_not_come_to_its_end_is_a_time_out(
    answer: Answer, timeout_seconds: float, simulator: Simulator, make_api: MakeApi, waits: list[float]
) -> None:
    api = make_api(simulator.base_url, timeout_seconds=timeout_seconds, max_attempts=2)
    simulator.fail_next("/logs", answer, times=None)
    error = failure(lambda: listed(api))
    assert (type(error), error.cause) == (TransientError, Cause.TIMEOUT)
    assert len(simulator.calls) == 2


def test_a_compressed_answer_is_read(api: UzmanPostaApi, simulator: Simulator) -> None:
    body = gzip.compress(b'[{"queue_id":"Z","recipients":[{"time":1}]}]')
    simulator.fail_next("/logs", Answer(200, {"Content-Encoding": "gzip"}, body))
    assert listed(api) == ["Z"]


def test_a_small_answer_that_unpacks_to_a_huge_one_is_cut_at_the_bound(
    api: UzmanPostaApi, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MOST_BYTES", 100_000)
    bomb = gzip.compress(b" " * 50_000_000)
    simulator.fail_next("/logs", Answer(200, {"Content-Encoding": "gzip"}, bomb), times=None)
    assert failure(lambda: listed(api)).cause is Cause.PROTOCOL


def test_a_port_that_nobody_listens_on_is_refused(make_api: MakeApi, waits: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = failure(lambda: listed(make_api(f"http://127.0.0.1:{port}/api/v2")))
    assert (type(error), error.cause) == (TransientError, Cause.REFUSED)
    assert len(waits) == 2


def test_a_host_without_an_address_is_a_failure_of_dns(make_api: MakeApi, waits: list[float]) -> None:
    error = failure(lambda: listed(make_api("https://nobody.invalid/api/v2")))
    assert (type(error), error.cause) == (TransientError, Cause.DNS)
    assert "Check DNS" in str(error)


def test_a_server_that_speaks_no_tls_is_a_failure_of_tls(make_api: MakeApi, waits: list[float]) -> None:
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(1)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            with suppress(OSError):
                while connection.recv(2**16):
                    pass

    answering = threading.Thread(target=answer)
    answering.start()
    with listening:
        url = f"https://127.0.0.1:{listening.getsockname()[1]}/api/v2"
        error = failure(lambda: listed(make_api(url, max_attempts=1)))
        answering.join(PATIENCE)
    assert (type(error), error.cause) == (TransientError, Cause.TLS)
    assert "CA certificates" in str(error)


def test_the_root_of_a_failure_is_told_in_its_message_and_what_the_libraries_raised_in_no_chain(
    api: UzmanPostaApi, simulator: Simulator
) -> None:
    simulator.fail_next("/logs", Answer(reset=True), times=None)
    error = failure(lambda: listed(api))
    assert "the connection was reset (ConnectionResetError: " in str(error)
    assert (error.__cause__, error.__context__) == (None, None)


@pytest.mark.parametrize("status", ["102 Processing", "103 Early Hints"])
def test_an_interim_answer_is_asked_for_again_and_told_as_what_it_is(
    status: str, make_api: MakeApi, waits: list[float]
) -> None:
    interim = f"HTTP/1.1 {status}\r\n\r\n".encode()
    with answering(lambda number: (interim if number < 3 else b"") + sent(b"[]")) as server:
        assert listed(make_api(server.base_url)) == []
    with answering(interim + sent(b"[]")) as server:
        error = failure(lambda: listed(make_api(server.base_url)))
    assert (type(error), error.cause) == (TransientError, Cause.PROTOCOL)
    assert "interim answers (1xx)" in str(error)
