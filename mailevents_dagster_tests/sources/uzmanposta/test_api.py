"""The API client against the simulator over HTTP: what is retried, what is not, and what a person is told."""

from __future__ import annotations

import gzip
import socket
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from email.utils import formatdate

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.events import StoppedError
from mailevents_dagster.sources.uzmanposta import api as api_module
from mailevents_dagster.sources.uzmanposta.answers import retry_after
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import ApiError, Cause, PermanentError, TransientError
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, KEY, START, MakeApi, mail

PATIENCE = 10.0
END = START + 3600


@pytest.fixture
def api(simulator: Simulator, fixed: FixedMail, make_api: MakeApi, waits: list[float]) -> UzmanPostaApi:
    """A client with three attempts for one mail, whose waits take no time."""
    fixed.add(DOMAIN, INCOMING.name, [mail(START, "Q1")])
    return make_api(simulator.base_url)


def listed(api: UzmanPostaApi) -> list[str | None]:
    return [row.queue_id for row in api.rows(INCOMING, START, END)]


def failure(call: Callable[[], object]) -> ApiError:
    with pytest.raises(ApiError) as raised:
        call()
    return raised.value


# --- what is asked


def test_a_listing_asks_for_window_type_and_domain_with_the_key(api: UzmanPostaApi, simulator: Simulator) -> None:
    assert listed(api) == ["Q1"]
    (call,) = simulator.calls
    assert (call.path, call.key) == ("/logs/mail", KEY)
    assert call.params == {"starttime": str(START), "endtime": str(END), "type": "incominglog", "domain": DOMAIN}


def test_sign_ins_are_asked_for_without_a_type(api: UzmanPostaApi, simulator: Simulator) -> None:
    assert list(api.rows(AUTHENTICATION, START, END)) == []
    (call,) = simulator.calls
    assert (call.path, "type" in call.params) == ("/logs/authentication", False)


@pytest.mark.parametrize("queue_id", ["Q1", "a/b", "a b?c=d#e&f", "%2F", "ışİ", "+", "Q;1:2@3", "..%"])
def test_queue_ids_are_quoted(queue_id: str, simulator: Simulator, fixed: FixedMail, make_api: MakeApi) -> None:
    fixed.add(DOMAIN, INCOMING.name, [mail(START, queue_id)])
    detail = make_api(simulator.base_url).detail(queue_id, START).raw
    (call,) = simulator.calls
    assert (call.path, call.params) == (f"/logs/mail/{queue_id}", {"time": str(START)})
    assert b'"logs":' in detail


def test_a_base_url_may_end_in_a_slash(api: UzmanPostaApi, simulator: Simulator, make_api: MakeApi) -> None:
    assert listed(make_api(simulator.base_url + "/")) == ["Q1"]


def test_calls_are_tallied(api: UzmanPostaApi, simulator: Simulator) -> None:
    simulator.fail_next("/logs", Answer(500))
    listed(api)
    api.detail("Q1", START)
    api.detail("Q1", START)
    assert (api.tally.lists, api.tally.details, api.tally.retries) == (1, 2, 1)
    assert api.tally.seconds > 0


# --- permanent answers


@pytest.mark.parametrize(
    ("status", "cause", "said"),
    [
        (400, Cause.REQUEST, "does not know this request"),
        (401, Cause.PERMISSION, "KEY_OF_EXAMPLE"),
        (403, Cause.PERMISSION, DOMAIN),
        (404, Cause.NOT_FOUND, "base_url"),
        (406, Cause.RETENTION, "7 days"),
        (410, Cause.REQUEST, "410"),
    ],
)
def test_a_permanent_answer_stops_at_once_and_says_what_to_do(
    status: int, cause: Cause, said: str, api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(status), times=None)
    error = failure(lambda: listed(api))
    assert isinstance(error, PermanentError)
    assert error.cause is cause
    assert said in str(error)
    assert str(status) in str(error)
    assert "The simulator was asked to fail" in str(error)
    assert len(simulator.calls) == 1
    assert waits == []


def test_the_apis_own_refusals_name_the_variable_and_the_domain(simulator: Simulator, make_api: MakeApi) -> None:
    simulator.behaviour = Behaviour(bad_keys=frozenset({KEY}))
    assert "Check the value of the variable KEY_OF_EXAMPLE" in str(
        failure(lambda: listed(make_api(simulator.base_url)))
    )
    simulator.behaviour = Behaviour(forbidden_domains=frozenset({DOMAIN}))
    assert f"right for {DOMAIN}" in str(failure(lambda: listed(make_api(simulator.base_url))))


@pytest.mark.parametrize("before", [0, 190], ids=["whole", "where_it_is_cut"])
def test_a_refusal_that_repeats_the_key_is_told_without_it(
    before: int, api: UzmanPostaApi, simulator: Simulator
) -> None:
    body = orjson.dumps({"message": f"{'.' * before}{KEY} is not known"})
    simulator.fail_next("/logs", Answer(401, body=body))
    said = str(failure(lambda: listed(api)))
    assert f"{'.' * before}(the key)" in said
    assert KEY[:8] not in said


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int, api: UzmanPostaApi, simulator: Simulator) -> None:
    with Simulator() as elsewhere:
        simulator.fail_next("/logs", Answer(status, {"Location": f"{elsewhere.base_url}/logs/mail"}))
        error = failure(lambda: listed(api))
        assert isinstance(error, PermanentError)
        assert "base_url" in str(error)
        assert (len(simulator.calls), len(elsewhere.calls)) == (1, 0)


# --- the key


@pytest.mark.parametrize("answer", [Answer(401), Answer(500), Answer(reset=True), Answer(200, body=b"<html>")])
def test_the_key_is_in_no_error_and_no_representation(answer: Answer, api: UzmanPostaApi, simulator: Simulator) -> None:
    simulator.fail_next("/logs", answer, times=None)
    error = failure(lambda: listed(api))
    trace = "".join(traceback.TracebackException.from_exception(error).format())
    for text in (str(error), repr(error), trace, repr(api), repr(api.access), str(api.access), repr(vars(api))):
        assert KEY not in text


@pytest.mark.parametrize("odd", ["\n", "\r\nX-Injected: 1", "ş", "\ud800"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_shown(
    odd: str, simulator: Simulator, make_api: MakeApi
) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - of whatever type, it must not tell the key
        listed(make_api(simulator.base_url, key=odd + KEY + odd))
    trace = "".join(traceback.TracebackException.from_exception(raised.value).format())
    assert KEY not in trace


# --- being told to wait


@pytest.mark.parametrize(
    ("header", "shortest", "longest"),
    [
        ("7", 6.9, 7.0),
        ("1.5", 1.4, 1.5),
        ("0", 0.0, 0.0),
        ("-3", 0.0, 0.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0, 0.0),
        (None, 1.9, 2.0),
        ("soon", 1.9, 2.0),
        ("nan", 1.9, 2.0),
        ("inf", 1.9, 2.0),
        ("Thu, 01 Jan 2026 00:00:00 +99999999999999999999", 1.9, 2.0),
    ],
)
def test_retry_after_is_obeyed_whatever_its_form(
    header: str | None,
    shortest: float,
    longest: float,
    api: UzmanPostaApi,
    make_api: MakeApi,
    simulator: Simulator,
    waits: list[float],
) -> None:
    assert listed(api) == ["Q1"]
    api = make_api(simulator.base_url, requests_per_second=1000)
    simulator.fail_next("/logs", Answer(429, {} if header is None else {"Retry-After": header}))
    assert listed(api) == ["Q1"]
    assert shortest <= sum(wait for wait in waits if wait > 0.1) <= longest
    assert api.tally.retries == 0


def test_retry_after_as_a_date_is_a_wait_until_then(
    api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(429, {"Retry-After": formatdate(START + 3 * 3600 + 100, usegmt=True)}))
    assert listed(api) == ["Q1"]
    assert sum(waits) == pytest.approx(100, abs=1)
    assert api.budget.seconds_throttled == pytest.approx(sum(waits), abs=1)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40) | st.floats().map(str))
@settings(max_examples=300)
def test_no_retry_after_breaks_the_client(header: str) -> None:
    seconds = retry_after({"Retry-After": header}, START)
    assert seconds is None or 0 <= seconds < float("inf")


def test_waits_the_api_asks_for_do_not_use_up_the_attempts(api: UzmanPostaApi, simulator: Simulator) -> None:
    simulator.fail_next("/logs", Answer(429, {"Retry-After": "1"}), times=50)
    assert listed(api) == ["Q1"]
    assert simulator.calls.count(status=429) == 50
    assert api.tally.retries == 0


def test_without_a_retry_after_the_waits_grow_up_to_a_minute(
    api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(429), times=8)
    assert listed(api) == ["Q1"]
    assert [round(wait) for wait in waits] == [2, 4, 8, 16, 32, 60, 60, 60]


def test_a_wait_of_many_hours_is_refused_with_a_word_on_what_to_do(
    api: UzmanPostaApi, simulator: Simulator, waits: list[float]
) -> None:
    simulator.fail_next("/logs", Answer(429, {"Retry-After": "999999"}))
    error = failure(lambda: listed(api))
    assert isinstance(error, PermanentError)
    assert error.cause is Cause.RATE
    assert "collect again later" in str(error)
    assert waits == []


# --- passing failures


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
    monkeypatch.setattr(api_module, "MOST_BYTES", 10_000)
    simulator.fail_next("/logs", Answer(200, endless=True, body=b" " * 4096, chunk_pause=0.0), times=None)
    error = failure(lambda: listed(api))
    assert isinstance(error, TransientError)
    assert error.cause is Cause.PROTOCOL
    assert len(simulator.calls) == 3


def test_a_body_that_trickles_in_for_ever_ends_in_a_time_out(
    simulator: Simulator, make_api: MakeApi, waits: list[float]
) -> None:
    api = make_api(simulator.base_url, timeout_seconds=0.2, max_attempts=2)
    simulator.fail_next("/logs", Answer(200, endless=True, body=b"[", chunk_pause=0.02), times=None)
    error = failure(lambda: listed(api))
    assert isinstance(error, TransientError)
    assert error.cause is Cause.TIMEOUT
    assert len(simulator.calls) == 2


def test_an_answer_that_never_begins_ends_in_a_time_out(
    simulator: Simulator, make_api: MakeApi, waits: list[float]
) -> None:
    api = make_api(simulator.base_url, timeout_seconds=0.1, max_attempts=2)
    simulator.fail_next("/logs", Answer(delay=60), times=None)
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
    monkeypatch.setattr(api_module, "MOST_BYTES", 100_000)
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


def test_the_cause_of_a_failure_stays_in_its_chain(api: UzmanPostaApi, simulator: Simulator) -> None:
    simulator.fail_next("/logs", Answer(reset=True), times=None)
    assert failure(lambda: listed(api)).__cause__ is not None


def test_a_stopped_client_makes_no_call(api: UzmanPostaApi, simulator: Simulator) -> None:
    api.stop()
    with pytest.raises(StoppedError):
        listed(api)
    assert len(simulator.calls) == 0


def test_a_stop_ends_the_wait_between_two_attempts(simulator: Simulator, make_api: MakeApi) -> None:
    api = make_api(simulator.base_url)
    asked = threading.Event()

    def matches(_: object) -> bool:
        asked.set()
        return True

    simulator.fail_next(matches, Answer(429, {"Retry-After": "3000"}), times=None)
    ended: list[Exception] = []

    def call() -> None:
        try:
            listed(api)
        except StoppedError as error:
            ended.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    assert asked.wait(PATIENCE)
    api.stop()
    thread.join(PATIENCE)
    assert len(ended) == 1
