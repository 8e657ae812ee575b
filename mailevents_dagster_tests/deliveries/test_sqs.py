"""SQS as a receiver: moto's server behind a gateway that fails as it is told."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mailevents_dagster.deliveries.message import Failed, Message, Refused, Taken
from mailevents_dagster.deliveries.outbox import Outbox
from mailevents_dagster.deliveries.sending import Delivered, Patience, deliver
from mailevents_dagster.deliveries.sqs import QueueAccess, SqsQueue
from mailevents_dagster_tests.deliveries.messages import BRIEF, ENDLESS, QUEUE, message, messages, total
from mailevents_dagster_tests.deliveries.sqs_service import (
    ANSWER_LOST,
    CUT,
    HTML,
    Fault,
    Gateway,
    Moto,
    error,
    moto_running,
)

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("credentials")]


@pytest.fixture
def queue(moto: Moto, request: pytest.FixtureRequest) -> str:
    name = f"q-{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:32]}"
    moto.make_queue(name)
    return name


def delivered(outbox: Outbox, access: QueueAccess, patience: Patience = ENDLESS) -> Delivered:
    return deliver(outbox, QUEUE, SqsQueue(access, QUEUE).send, access.limits, patience)


def at(gateway: Gateway, queue: str) -> QueueAccess:
    return QueueAccess(queue, "eu-west-1", gateway.url)


def keys(bodies: list[str]) -> list[str]:
    return [json.loads(body)["event_id"] for body in bodies]


def test_messages_arrive_as_they_are_ten_a_call(outbox: Outbox, gateway: Gateway, moto: Moto, queue: str) -> None:
    outbox.note(QUEUE, messages(35))
    assert delivered(outbox, at(gateway, queue)) == Delivered(taken=35)
    assert gateway.calls == 4
    assert sorted(moto.bodies(queue)) == sorted(one.body for one in messages(35))


def test_a_queue_can_be_named_by_its_address(outbox: Outbox, gateway: Gateway, moto: Moto, queue: str) -> None:
    outbox.note(QUEUE, messages(1))
    url = moto.ask("GetQueueUrl", QueueName=queue)["QueueUrl"]
    assert delivered(outbox, at(gateway, url)).taken == 1
    assert len(moto.bodies(queue)) == 1


def test_a_fifo_queue_gets_the_order_and_by_what_to_know_a_message_again(
    outbox: Outbox, gateway: Gateway, moto: Moto
) -> None:
    moto.make_queue("orders.fifo")
    outbox.note(QUEUE, [*reversed([*messages(30)]), Message("ключ", '{"event_id":"odd"}', 0, 0)])
    gateway.faults.append(ANSWER_LOST)
    assert delivered(outbox, at(gateway, "orders.fifo")) == Delivered(taken=31)
    first = gateway.arrived[:2]
    assert [one["MessageGroupId"] for one in first] == [QUEUE, QUEUE]
    assert first[1]["MessageDeduplicationId"] == "event-0"
    assert len(first[0]["MessageDeduplicationId"]) == 64
    assert keys(moto.bodies("orders.fifo")) == ["odd", *(one.key for one in messages(30))]


@pytest.mark.parametrize("odd", ["\0", "\x1f", "\ufffe", "\uffff", "\ud800", "ü 例え 😀", "\x7f"])
def test_any_text_arrives_as_the_json_that_it_is(
    outbox: Outbox, gateway: Gateway, moto: Moto, queue: str, odd: str
) -> None:
    body = json.dumps({"event_id": odd}, ensure_ascii=False) if odd != "\0" else '{"event_id":"\0"}'
    outbox.note(QUEUE, [message(1, body=body)])
    assert delivered(outbox, at(gateway, queue)).taken == 1
    assert keys(moto.bodies(queue)) == [odd]


PASSING = {
    "throttled": error("ThrottlingException"),
    "throttled as SQS says it": error("RequestThrottled"),
    "unavailable": Fault(503),
    "too many": Fault(429),
}
UNCERTAIN = {
    "lost": ANSWER_LOST,
    "cut": CUT,
    "broken gateway": Fault(502, b"<html>Bad gateway</html>", "text/html"),
    "internal": error("InternalError", 500),
}


@pytest.mark.parametrize("fault", PASSING.values(), ids=PASSING)
def test_what_passes_is_tried_again_and_nothing_goes_out_twice(
    outbox: Outbox, gateway: Gateway, queue: str, fault: Fault
) -> None:
    outbox.note(QUEUE, messages(25))
    gateway.faults.extend([fault, fault, None, fault])
    assert delivered(outbox, at(gateway, queue)) == Delivered(taken=25)
    assert sorted(gateway.bodies) == sorted(one.body for one in messages(25))


@pytest.mark.parametrize("fault", UNCERTAIN.values(), ids=UNCERTAIN)
def test_what_may_have_arrived_is_tried_again_and_named(
    outbox: Outbox, gateway: Gateway, queue: str, fault: Fault
) -> None:
    outbox.note(QUEUE, messages(10))
    gateway.faults.extend([fault])
    done = delivered(outbox, at(gateway, queue))
    assert done == Delivered(taken=10, repeated=tuple(one.key for one in messages(10)))
    assert len(gateway.arrived) == (20 if fault.hands_on else 10)


def test_each_entry_of_a_batch_is_heeded(outbox: Outbox, gateway: Gateway, queue: str) -> None:
    outbox.note(QUEUE, messages(10))
    gateway.faults.append(Fault(fails=(0, 4, 9)))
    assert delivered(outbox, at(gateway, queue)) == Delivered(taken=10)
    expected = [number for number in range(10) if number not in (0, 4, 9)] + [0, 4, 9]
    assert keys(gateway.bodies) == [f"event-{number}" for number in expected]


def test_an_entry_that_is_refused_is_set_aside(outbox: Outbox, gateway: Gateway, queue: str) -> None:
    outbox.note(QUEUE, messages(3))
    gateway.faults.append(Fault(fails=(1,), code="InvalidMessageContents", is_senders_fault=True))
    assert delivered(outbox, at(gateway, queue)) == Delivered(taken=2, aside=1)
    assert [one.reason for one in outbox.aside(QUEUE, 9)] == ["SQS refuses it: InvalidMessageContents"]


def test_what_is_too_large_is_set_aside_and_large_ones_go_with_fewer_a_call(
    outbox: Outbox, gateway: Gateway, queue: str
) -> None:
    large = [message(number, body=json.dumps("ü" * 200_000, ensure_ascii=False)) for number in range(6)]
    outbox.note(QUEUE, [*large, message(6, body=json.dumps("x" * 2**20)), message(7)])
    assert delivered(outbox, at(gateway, queue)) == Delivered(taken=7, aside=1)
    assert gateway.calls == 3  # two of 400,002 bytes a call, and the small one with the last two


def test_a_queue_that_allows_less_takes_what_it_allows(outbox: Outbox, gateway: Gateway, queue: str) -> None:
    outbox.note(QUEUE, messages(2))
    gateway.faults.extend([error("BatchRequestTooLong"), None, error("InvalidParameterValue")])
    assert delivered(outbox, at(gateway, queue)) == Delivered(taken=1, aside=1)


PERMANENT = {
    "wrong key": (error("InvalidClientTokenId", 403), "check the credentials"),
    "wrong secret": (error("SignatureDoesNotMatch", 403), "check the credentials"),
    "expired": (error("ExpiredToken", 403), "renew them"),
    "no right": (error("AccessDenied", 403), "sqs:SendMessage"),
    "no queue": (error("QueueDoesNotExist"), "create it, or correct `queue`"),
    "page": (HTML, "check `endpoint_url`"),
    "page not found": (Fault(404, HTML.body, "text/html"), "check `endpoint_url`"),
    "moved": (Fault(302), "check `endpoint_url`"),
    "a list": (Fault(200, b"[1]"), "check `endpoint_url`"),
    "odd entries": (Fault(200, b'{"Successful":"rubbish"}'), "check `endpoint_url`"),
    "half": (Fault(200, b'{"Successful":[{"Id":"0"'), "check `endpoint_url`"),
    "no entries": (Fault(200, b"{}"), "check `endpoint_url`"),
}


@pytest.mark.parametrize(("fault", "advice"), PERMANENT.values(), ids=PERMANENT)
def test_what_only_people_can_mend_says_how_and_leaves_all_waiting(
    outbox: Outbox, gateway: Gateway, queue: str, fault: Fault, advice: str
) -> None:
    outbox.note(QUEUE, messages(3))
    gateway.faults.append(fault)
    done = delivered(outbox, at(gateway, queue))
    assert (done.taken, total(outbox).waiting, gateway.calls) == (0, 3, 1)
    assert done.problem
    assert advice in done.problem.reason
    assert "s3cret" not in repr(done)
    assert "AKIDEXAMPLE" not in repr(done)
    assert delivered(outbox, at(gateway, queue)).taken == 3


def said(access: QueueAccess) -> str:
    [answer] = SqsQueue(access, QUEUE).send([message(1)])
    assert isinstance(answer, Failed)
    assert not answer.may_have_arrived
    return answer.reason


def test_a_queue_that_does_not_exist_is_named_as_such(gateway: Gateway) -> None:
    assert "create it" in said(at(gateway, "missing"))
    assert "`queue`" in said(at(gateway, "not a name!"))
    assert "`queue`" in said(at(gateway, ""))


def test_what_is_wrong_before_a_call_says_what_to_do(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "`endpoint_url` is no address" in said(QueueAccess("q", "eu-west-1", "nonsense"))
    assert "cannot be reached" in said(QueueAccess("q", "eu-west-1", "http://127.0.0.1:1"))
    assert "TLS" in said(QueueAccess("q", "eu-west-1", gateway.url.replace("http", "https")))
    assert "set `region`" in said(QueueAccess("q", None))
    assert "`region` is none" in said(QueueAccess("q", "eu west"))
    assert "profile" in said(QueueAccess("q", "eu-west-1", gateway.url, profile="nobody"))
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "lack a part" in said(at(gateway, "q"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    assert "there are no credentials" in said(at(gateway, "q"))


def test_a_profile_gives_the_credentials(
    gateway: Gateway, queue: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws/credentials").write_text("[mail]\naws_access_key_id = A\naws_secret_access_key = B\n")
    access = QueueAccess(queue, "eu-west-1", gateway.url, profile="mail")
    assert isinstance(SqsQueue(access, QUEUE).send([message(1)])[0], Taken)


def test_a_queue_that_is_away_delays_and_loses_nothing(outbox: Outbox) -> None:
    with moto_running() as moto, Gateway(moto) as gateway:
        moto.make_queue("errors")
        outbox.note(QUEUE, messages(200))

        def killed_and_back(number: int, moment: str) -> None:
            if (number, moment) == (6, "called"):
                moto.kill()
            elif (number, moment) == (12, "answered"):
                moto.start()
                moto.make_queue("errors")

        gateway.when_called = killed_and_back
        done = delivered(outbox, at(gateway, "errors"))
        assert (done.taken, total(outbox).waiting, done.aside) == (200, 0, 0)
        arrived = keys(gateway.bodies)
        assert {*arrived} == {one.key for one in messages(200)}
        assert {key for key in arrived if arrived.count(key) > 1} <= {*done.repeated}


def test_a_queue_that_stays_away_ends_the_delivery_and_keeps_all(outbox: Outbox, gateway: Gateway) -> None:
    outbox.note(QUEUE, messages(20))
    done = delivered(outbox, QueueAccess("http://127.0.0.1:1/1/q", "eu-west-1", "http://127.0.0.1:1"), BRIEF)
    assert (done.taken, total(outbox).waiting) == (0, 20)
    assert done.problem
    assert done.problem.is_passing
    assert total(outbox).uncertain == 0


def test_only_who_sends_loads_boto3() -> None:
    code = (
        "import sys; from mailevents_dagster.deliveries.sqs import QueueAccess, SqsQueue;"
        "SqsQueue(QueueAccess('q'), 'd');"
        "sys.exit('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("fault", [error("InternalError", 500), Fault(502), Fault(200, b"{}"), Fault(200, b"[1]")])
def test_a_failure_to_find_the_queue_leaves_no_doubt_about_messages(
    outbox: Outbox, gateway: Gateway, queue: str, fault: Fault
) -> None:
    gateway.other_faults.append(fault)
    outbox.note(QUEUE, messages(1))
    assert not delivered(outbox, at(gateway, queue), BRIEF).repeated
    assert delivered(outbox, at(gateway, queue)).repeated == ()
    assert total(outbox).taken == 1


def test_calls_go_side_by_side_unless_the_queue_keeps_an_order() -> None:
    assert (QueueAccess("q").limits.at_once, QueueAccess("q.fifo").limits.at_once) == (4, 1)


def test_without_boto3_the_message_names_what_to_install(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3.session", None)
    assert "pip install" in said(at(gateway, "q"))


def test_a_refusal_of_one_message_is_no_failure_of_the_queue(gateway: Gateway, queue: str) -> None:
    gateway.faults.append(error("InvalidMessageContents"))
    assert isinstance(SqsQueue(at(gateway, queue), QUEUE).send([message(1)])[0], Refused)
