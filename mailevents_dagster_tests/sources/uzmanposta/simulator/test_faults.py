"""Faults that a test asks for."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from mailevents_dagster.sources.uzmanposta.simulator import Answer, FixedMail, Simulator
from mailevents_dagster_tests.sources.uzmanposta.simulator.asking import DOMAIN, HOUR, INCOMING, Client, mail, times


def test_a_fault_answers_as_often_as_it_was_asked_for(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q")])
    simulator.fail_next("/logs/mail/", Answer(503, {"X-Cause": "test"}), times=2)
    assert client.listing(INCOMING, HOUR, HOUR).status_code == 200
    assert [client.detail("Q", HOUR).status_code for _ in range(3)] == [503, 503, 200]
    simulator.fail_next(lambda request: request.kind == "list", Answer(200, body=b"null"))
    assert client.listing(INCOMING, HOUR, HOUR).content == b"null"
    assert client.listing(INCOMING, HOUR, HOUR).json() != []


def test_a_permanent_fault_stays_until_it_is_cleared(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR, "Q"), mail(HOUR, "R")])
    simulator.fail_next(lambda request: request.queue_id == "Q", Answer(404), times=None)
    assert [client.detail("Q", HOUR).status_code for _ in range(3)] == [404, 404, 404]
    assert client.detail("R", HOUR).status_code == 200
    simulator.faults.clear()
    assert client.detail("Q", HOUR).status_code == 200


def test_a_connection_can_be_reset(simulator: Simulator, client: Client) -> None:
    simulator.fail_next("/logs", Answer(reset=True))
    with pytest.raises(requests.ConnectionError, match="reset"):
        client.listing(INCOMING, HOUR, HOUR)
    assert client.listing(INCOMING, HOUR, HOUR).json() == []
    assert [call.status for call in simulator.calls] == [0, 200]


def test_a_body_can_end_too_early(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR)])
    simulator.fail_next("/logs", Answer(truncated=True))
    with pytest.raises(requests.RequestException, match="IncompleteRead"):
        client.listing(INCOMING, HOUR, HOUR)


@pytest.mark.slow
def test_a_body_can_go_on_for_ever(simulator: Simulator, client: Client) -> None:
    simulator.fail_next("/logs", Answer(endless=True, chunk_pause=0.001))
    with client.session.get(client.url + "/logs/authentication", stream=True, timeout=60) as answer:
        chunks = answer.iter_content(1)
        received = b"".join(next(chunks) for _ in range(1000))
    assert received.endswith(b" " * 100)


def test_a_delayed_answer_is_the_true_one(simulator: Simulator, client: Client, fixed: FixedMail) -> None:
    fixed.add(DOMAIN, INCOMING, [mail(HOUR)])
    simulator.fail_next("/logs", Answer(delay=0.01))
    assert times(client.listing(INCOMING, HOUR, HOUR)) == [HOUR]


def test_others_do_not_wait_for_a_delayed_answer(simulator: Simulator, client: Client) -> None:
    simulator.fail_next("/logs/authentication", Answer(delay=600))
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(Client(simulator).listing, "authentication", HOUR, HOUR)
        while not simulator.calls.count("list") and not late.done():
            time.sleep(0.001)
        assert client.listing(INCOMING, HOUR, HOUR).json() == []
        assert not late.done()
        simulator.close()
        with pytest.raises(requests.ConnectionError):
            late.result()
