"""SES through SNS: signatures, certificates, subscriptions, and what is told."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
import requests

from mailevents_dagster.sources.webhook.providers.provider import Access, RefusedError, Request
from mailevents_dagster.sources.webhook.providers.ses import SES
from mailevents_dagster.sources.webhook.providers.sns import Sns
from mailevents_dagster.sources.webhook.spool.frames import Posted
from mailevents_dagster_tests.sources.webhook.senders import CERTIFICATE_URL, NOW, TOPIC, Amazon, ses_bounce

AMAZON = Amazon()
ACCESS = Access(topics=frozenset({TOPIC}), max_age=3600)


def prove(body: bytes, amazon: Amazon = AMAZON, access: Access = ACCESS, now: float = NOW) -> str:
    return Sns(amazon.fetch).prove(Request({}, Posted(now, "text/plain; charset=UTF-8", body)), access, now)


def refusal(body: bytes, amazon: Amazon = AMAZON, access: Access = ACCESS, now: float = NOW) -> int:
    with pytest.raises(RefusedError) as refused:
        prove(body, amazon, access, now)
    return int(refused.value.status)


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [{}, {"Subject": "Amazon SES Email Event"}], ids=["without", "with subject"])
def test_a_signed_message_is_known_by_its_id(version: str, subject: dict[str, str]) -> None:
    assert prove(AMAZON.message({}, version, MessageId="m-1", **subject)) == "m-1"


@pytest.mark.parametrize("name", ["Message", "MessageId", "Timestamp", "TopicArn", "Signature", "Subject"])
def test_what_is_tampered_with_is_refused(name: str) -> None:
    message = json.loads(AMAZON.message({}))
    message[name] = (message.get(name) or "")[:-4] + "AAA="
    assert refusal(json.dumps(message).encode(), access=Access("secret")) == 403


def test_the_certificate_of_another_is_refused() -> None:
    assert refusal(Amazon().message({})) == 403


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-west-1.amazonaws.com/x.pem",
        "https://evil.example/x.pem",
        "https://sns.eu-west-1.amazonaws.com.evil.example/x.pem",
        "https://sns.eu-west-1.amazonaws.com@evil.example/x.pem",
        "https://sns.eu-west-1.amazonaws.com:444/x.pem",
        "https://bucket.s3.amazonaws.com/x.pem",
        "https://sns.eu-west-1.amazonaws.com/../x.pem",
        "https://sns.eu-west-1.amazonaws.com\\.evil.example/x.pem",
        "https://sns.eu-west-1.amazonaws.com/x.pem#\n",
        "https://sns.eu-west-1.amazonaws.com/?x=.pem",
        "//sns.eu-west-1.amazonaws.com/x.pem",
        "https://[",
        "",
        None,
        3,
    ],
    ids=str,
)
def test_nobody_but_amazon_is_asked_for_a_certificate(url: object) -> None:
    amazon = Amazon()
    assert refusal(amazon.message({}, SigningCertURL=url), amazon) == 403
    assert amazon.fetched == []


def test_a_certificate_is_asked_for_once() -> None:
    amazon = Amazon()
    sns = Sns(amazon.fetch)
    for _ in range(3):
        sns.prove(Request({}, Posted(NOW, "", amazon.message({}))), ACCESS, NOW)
    assert amazon.fetched == [CERTIFICATE_URL]


def test_a_certificate_that_has_expired_is_refused() -> None:
    amazon = Amazon(valid_days=2)
    late = NOW + 3 * 86_400
    assert refusal(amazon.message({}, at=late), amazon, now=late) == 403


def test_amazon_that_cannot_be_asked_has_the_message_sent_again() -> None:
    def away(_: str) -> bytes:
        raise requests.ConnectionError("no route")

    with pytest.raises(RefusedError) as refused:
        Sns(away).prove(Request({}, Posted(NOW, "", AMAZON.message({}))), ACCESS, NOW)
    assert refused.value.status == 503


def test_what_stands_where_a_certificate_should_is_refused() -> None:
    with pytest.raises(RefusedError) as refused:
        Sns(lambda _: b"<html>").prove(Request({}, Posted(NOW, "", AMAZON.message({}))), ACCESS, NOW)
    assert refused.value.status == 403


def test_another_topic_is_refused_although_it_is_signed() -> None:
    assert refusal(AMAZON.message({}, TopicArn=TOPIC + "-2")) == 403
    assert prove(AMAZON.message({}, TopicArn=TOPIC + "-2"), access=Access("secret"))


@pytest.mark.parametrize("seconds", [-3660, 3600], ids=["old", "future"])
def test_old_and_future_messages_are_refused(seconds: int) -> None:
    assert refusal(AMAZON.message({}, at=NOW + seconds)) == 403


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"[]", 400), (b"{}", 401), (b'{"Type": "Notification"}', 403), (b'{"Type": {}}', 401)],
    ids=str,
)
def test_rubbish_is_refused(body: bytes, status: int) -> None:
    assert refusal(body) == status


def test_an_unknown_version_of_signatures_is_refused() -> None:
    assert refusal(AMAZON.message({}, version="3")) == 401


def test_a_subscription_to_an_expected_topic_is_confirmed() -> None:
    amazon = Amazon()
    body = amazon.confirmation()
    assert prove(body, amazon)
    assert amazon.fetched[-1].endswith("Token=abc")
    assert SES.tell(Posted(NOW, "", body)) == []


def test_no_other_subscription_is_confirmed() -> None:
    amazon = Amazon()
    assert refusal(amazon.confirmation(TopicArn=TOPIC + "-2"), amazon) == 403
    assert refusal(amazon.confirmation(), amazon, access=Access("secret")) == 403
    assert refusal(amazon.confirmation(SubscribeURL="https://evil.example/?Token=abc"), amazon) == 403
    assert refusal(Amazon().confirmation(), amazon) == 403
    assert set(amazon.fetched) == {CERTIFICATE_URL}


def tell(told: object, **changes: Any) -> Any:
    return SES.tell(Posted(NOW, "text/plain", AMAZON.message(told, MessageId="m-1", **changes)))


def test_a_bounce_is_told_for_each_recipient() -> None:
    first, second = tell(ses_bounce("ada@example.com", "bob@example.com"))
    assert (first.id, second.id) == ("m-1:ada@example.com", "m-1:bob@example.com")
    assert first.time == 1_796_032_800.0
    assert first.fields == {
        "kind": "bounced",
        "event": "Bounce",
        "message_id": "n1@example.org",
        "sender": "news@example.org",
        "subject": "Merhaba",
        "tags": [],
        "recipient": "ada@example.com",
        "class": "hard",
        "code": 550,
        "enhanced_code": "5.1.1",
        "text": "smtp; 550 5.1.1 <x>: user unknown",
        "relay_ip": "198.51.100.7",
        "ip": None,
        "user_agent": None,
    }


MAIL = {"destination": ["ada@example.com"], "messageId": "0102"}


@pytest.mark.parametrize(
    ("told", "kind", "class_"),
    [
        ({"eventType": "Send", "send": {}}, "accepted", None),
        ({"eventType": "Delivery", "delivery": {"recipients": ["ada@example.com"]}}, "delivered", None),
        (
            {
                "eventType": "DeliveryDelay",
                "deliveryDelay": {"delayedRecipients": [{"emailAddress": "ada@example.com"}]},
            },
            "deferred",
            "soft",
        ),
        (
            {
                "notificationType": "Complaint",
                "complaint": {"complainedRecipients": [{"emailAddress": "ada@example.com"}]},
            },
            "complained",
            None,
        ),
        ({"eventType": "Open", "open": {"ipAddress": "192.0.2.1"}}, "opened", None),
        ({"eventType": "Click", "click": {}}, "clicked", None),
        ({"eventType": "Reject", "reject": {"reason": "Bad content"}}, "bounced", "other"),
        ({"eventType": "Subscription", "subscription": {}}, "unsubscribed", None),
        ({"eventType": "Rendering Failure", "failure": {}}, "other", None),
    ],
    ids=lambda value: str(value)[:40],
)
def test_each_event_is_an_outcome(told: dict[str, Any], kind: str, class_: str | None) -> None:
    [event] = tell({**told, "mail": MAIL})
    assert [event.fields[name] for name in ("kind", "class", "recipient")] == [kind, class_, "ada@example.com"]


@pytest.mark.parametrize(
    ("sub_type", "class_"), [("ContentRejected", "policy"), ("OnAccountSuppressionList", "other"), ("General", "hard")]
)
def test_what_a_bounce_says_of_an_address_depends_on_its_kind(sub_type: str, class_: str) -> None:
    assert tell(ses_bounce("a@b.example", sub_type=sub_type))[0].fields["class"] == class_


def test_what_is_not_of_ses_is_kept_as_it_is() -> None:
    for message in ("hello", "[1]", '{"a": 1}'):
        [event] = tell(message)
        assert (event.id, event.fields["kind"]) == ("m-1", "other")
        assert event.said["Message"] == message


@pytest.mark.parametrize("is_packed", [True, False], ids=["base64", "plain"])
def test_a_received_mail_is_kept_byte_by_byte(is_packed: bool) -> None:
    raw = b"From: a@b.example\r\nSubject: x\r\n\r\nhello\r\n"
    content = base64.b64encode(raw).decode() if is_packed else raw.decode()
    told = {"notificationType": "Received", "content": content, "receipt": {"recipients": ["fund@example.com"]}}
    [event] = tell({**told, "mail": {**MAIL, "timestamp": "2026-11-30T10:00:00.000Z", "source": "a@b.example"}})
    assert event.message == raw
    assert event.time == 1_796_032_800.0
    assert event.fields["recipient"] == "fund@example.com"
    assert "content" not in event.said


@pytest.mark.parametrize(("type_", "kind"), [("abuse", "complained"), ("not-spam", "other"), ("auth-failure", "other")])
def test_feedback_that_is_no_complaint_is_none(type_: str, kind: str) -> None:
    complaint = {"complainedRecipients": [{"emailAddress": "ada@example.com"}], "complaintFeedbackType": type_}
    (event,) = tell({"eventType": "Complaint", "mail": {}, "complaint": complaint})
    assert (event.fields["kind"], event.fields["text"]) == (kind, type_)


def test_an_address_with_a_name_is_the_address() -> None:
    mail = {"destination": ["Ada <ada@example.com>"], "source": "News <news@example.org>"}
    (event,) = tell({"eventType": "Send", "mail": mail, "send": {}})
    assert (event.fields["recipient"], event.fields["sender"]) == ("ada@example.com", "news@example.org")


def test_a_mail_that_could_not_be_made_says_why() -> None:
    failure = {"errorMessage": "Attribute 'name' is not present", "templateName": "t"}
    (event,) = tell({"eventType": "Rendering Failure", "mail": {}, "failure": failure})
    assert event.fields["text"] == "Attribute 'name' is not present"


def test_a_subscription_that_ends_is_told(caplog: pytest.LogCaptureFixture) -> None:
    prove(AMAZON.message("x", Type="UnsubscribeConfirmation", SubscribeURL="https://x.example", Token="t"))
    assert f"The subscription to {TOPIC} has ended" in caplog.text
