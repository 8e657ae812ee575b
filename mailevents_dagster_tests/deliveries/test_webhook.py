"""Messages posted to an address over HTTP: signed, in order, each answered for."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator

import pytest

from mailevents_dagster.deliveries.message import Failed, Limits, Refused, Taken
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sending import Delivered, Patience, deliver
from mailevents_dagster.deliveries.webhook import LIMITS, Endpoint, answer_of
from mailevents_dagster_tests.deliveries.endpoint import CUT, KEY, Receiving, receiving
from mailevents_dagster_tests.deliveries.messages import QUEUE, messages, total

AT_ONCE = Limits(10, LIMITS.bytes)


@pytest.fixture
def address() -> Iterator[Receiving]:
    with receiving() as made:
        yield made


def delivered(outbox: Outbox, url: str, key: bytes = KEY) -> Delivered:
    patience = Patience(seconds=5, first_pause=0.001, longest_pause=0.001)
    return deliver(outbox, QUEUE, Endpoint(url, key, "test").send, AT_ONCE, patience)


def test_messages_come_in_order_signed_and_once(outbox: Outbox, address: Receiving) -> None:
    outbox.note(QUEUE, messages(25))
    assert delivered(outbox, address.url).taken == 25
    assert address.taken == [json.loads(one.body) for one in messages(25)]
    assert [(len(body["data"]), body["type"]) for _, body in address.calls] == [(10, "test"), (10, "test"), (5, "test")]
    assert len({headers["webhook-id"] for headers, _ in address.calls}) == 3
    assert {headers["content-type"] for headers, _ in address.calls} == {"application/json"}
    assert delivered(outbox, address.url) == Delivered()


@pytest.mark.parametrize("statuses", [(503, 500), (429,), (CUT,)], ids=["broken", "busy", "cut"])
def test_an_address_that_fails_for_a_while_loses_nothing(
    outbox: Outbox, address: Receiving, statuses: tuple[int, ...]
) -> None:
    outbox.note(QUEUE, messages(15))
    address.statuses.extend(statuses)
    assert delivered(outbox, address.url).taken == 15
    assert address.taken == [json.loads(one.body) for one in messages(15)]
    first, again, *_ = (headers["webhook-id"] for headers, _ in address.calls)
    assert first == again, "the receiver can tell the same call"


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 410])
def test_what_is_wrong_with_the_address_keeps_everything_and_says_what_to_do(
    outbox: Outbox, address: Receiving, status: int
) -> None:
    outbox.note(QUEUE, messages(15))
    address.statuses.append(status)
    done = delivered(outbox, address.url)
    assert done.problem
    assert not done.problem.is_passing
    assert "`secret`" in done.problem.reason
    assert str(status) in done.problem.reason
    assert total(outbox).waiting == 15
    assert total(outbox).uncertain == 0
    assert len(address.calls) == 1


def test_a_wrong_key_is_told_and_nothing_is_lost(outbox: Outbox, address: Receiving) -> None:
    outbox.note(QUEUE, messages(1))
    done = delivered(outbox, address.url, key=b"another")
    assert done.problem
    assert "status 401" in done.problem.reason
    assert total(outbox).waiting == 1


def test_a_message_that_the_address_refuses_is_set_aside_and_the_others_go(outbox: Outbox, address: Receiving) -> None:
    outbox.note(QUEUE, messages(3))
    address.statuses.extend([422, 204, 413, 204])
    done = delivered(outbox, address.url)
    assert (done.taken, done.aside) == (2, 1)
    assert [one.reason for one in outbox.aside(QUEUE, 5)] == ["the address refuses it with status 413"]


def test_nobody_there_is_no_doubt_and_an_answer_that_is_lost_is_one() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    [away] = Endpoint(f"http://127.0.0.1:{port}/s3cret", KEY, "test").send(list(messages(1)))
    assert isinstance(away, Failed)
    assert (away.is_passing, away.may_have_arrived) == (True, False)
    with receiving() as address:
        address.statuses.append(CUT)
        [lost] = Endpoint(address.url, KEY, "test").send(list(messages(1)))
    assert isinstance(lost, Failed)
    assert (lost.is_passing, lost.may_have_arrived) == (True, True)
    assert "s3cret" not in f"{away}{lost}{Endpoint(address.url, KEY, 'test')}"


def test_statuses_mean_what_they_say() -> None:
    assert answer_of(200, "x") == answer_of(299, "x") == Taken("x")
    assert isinstance(answer_of(413, "x"), Refused)
    for status, may_have_arrived in ((408, True), (425, False), (429, False), (500, True), (599, True)):
        answer = answer_of(status, "x")
        assert isinstance(answer, Failed)
        assert (answer.is_passing, answer.may_have_arrived) == (True, may_have_arrived)
