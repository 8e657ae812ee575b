"""The API client against the simulator over HTTP: what is asked, what ends it at once, and what a person is told."""

from __future__ import annotations

import threading
import traceback

import orjson
import pytest

from mailevents_dagster.model.event import StoppedError
from mailevents_dagster.sources.uzmanposta.api import UzmanPostaApi
from mailevents_dagster.sources.uzmanposta.errors import Cause, PermanentError
from mailevents_dagster.sources.uzmanposta.simulator import Answer, Behaviour, FixedMail, Simulator
from mailevents_dagster_tests.conftest import AUTHENTICATION, DOMAIN, INCOMING, KEY, NOON, START, MakeApi, mail
from mailevents_dagster_tests.sources.uzmanposta.calling import PATIENCE, failure, listed

# --- what is asked


def test_a_listing_asks_for_window_type_and_domain_with_the_key(api: UzmanPostaApi, simulator: Simulator) -> None:
    assert listed(api) == ["Q1"]
    (call,) = simulator.calls
    assert (call.path, call.key) == ("/logs/mail", KEY)
    assert call.params == {"starttime": str(START), "endtime": str(NOON.end), "type": "incominglog", "domain": DOMAIN}


def test_sign_ins_are_asked_for_without_a_type(api: UzmanPostaApi, simulator: Simulator) -> None:
    assert list(api.rows(AUTHENTICATION, START, NOON.end)) == []
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


@pytest.mark.parametrize(
    ("status", "is_passing", "hour_is_gone", "refuses_feed"),
    [
        (401, False, False, True),
        (403, False, False, True),
        (406, False, True, False),
        (400, False, False, False),
        (500, True, False, False),
    ],
)
def test_a_failure_says_what_it_means_for_the_hour_and_the_feed_and_what_was_asked_for(
    status: int,
    is_passing: bool,
    hour_is_gone: bool,
    refuses_feed: bool,
    api: UzmanPostaApi,
    simulator: Simulator,
    waits: list[float],
) -> None:
    simulator.fail_next("/logs", Answer(status), times=None)
    error = failure(lambda: api.detail("Q1", START))
    assert (error.is_passing, error.hour_is_gone, error.refuses_feed) == (is_passing, hour_is_gone, refuses_feed)
    assert error.request == f"GET /logs/mail/Q1?time={START}"
    assert error.attempt == len(simulator.calls)
    assert error.milliseconds >= 0


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


# --- being stopped


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

    simulator.fail_next(matches, Answer(429, {"Retry-After": "600"}), times=None)
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
