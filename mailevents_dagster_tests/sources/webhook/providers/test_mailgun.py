"""Mailgun: signatures, events and forwarded mails."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import pytest

from mailevents_dagster.sources.webhook.providers.mailgun import MAILGUN
from mailevents_dagster.sources.webhook.providers.provider import Access, RefusedError, Request
from mailevents_dagster.sources.webhook.spool.frames import Posted
from mailevents_dagster_tests.sources.webhook.senders import (
    MAILGUN_KEY,
    NOW,
    mailgun_body,
    mailgun_event,
    mailgun_signature,
)

ACCESS = Access(MAILGUN_KEY, max_age=8 * 3600)
FORM = "application/x-www-form-urlencoded"


def posted(body: bytes, type_: str = "application/json") -> Posted:
    return Posted(NOW, type_, body)


def refusal(body: bytes, type_: str = "application/json", access: Access = ACCESS) -> int:
    with pytest.raises(RefusedError) as refused:
        MAILGUN.prove(Request({}, posted(body, type_)), access, NOW)
    return int(refused.value.status)


def mark_of(body: bytes, type_: str = "application/json") -> str:
    return MAILGUN.prove(Request({}, posted(body, type_)), ACCESS, NOW)


def test_a_signed_request_is_known_by_its_token() -> None:
    first = mailgun_body(mailgun_event(), token="t" * 50)
    assert mark_of(first) == mark_of(mailgun_body(mailgun_event(), token="t" * 50))
    assert mark_of(first) != mark_of(mailgun_body(mailgun_event(), token="u" * 50))


def test_a_token_that_borrows_from_the_timestamp_is_the_same() -> None:
    one, other = mailgun_signature(token="5abc"), mailgun_signature(token="5abc")
    cut = {**other, "timestamp": one["timestamp"] + "5", "token": "abc"}
    assert cut["signature"] == one["signature"]
    # A timestamp of another length is another time: far from now.
    assert refusal(json.dumps({"signature": cut, "event-data": {}}).encode()) in (403, 406)


@pytest.mark.parametrize("name", ["timestamp", "token", "signature"])
def test_what_is_tampered_with_is_refused(name: str) -> None:
    signature = mailgun_signature()
    signature[name] = signature[name][:-1] + ("0" if signature[name][-1] != "0" else "1")
    assert refusal(json.dumps({"signature": signature, "event-data": {}}).encode()) == 403


def test_another_key_is_refused() -> None:
    assert refusal(mailgun_body(mailgun_event(), key="another")) == 403


@pytest.mark.parametrize(("seconds", "status"), [(-8 * 3600 - 1, 406), (3600, 406)], ids=["old", "future"])
def test_old_and_future_signatures_are_not_acceptable_which_ends_their_repetition(seconds: int, status: int) -> None:
    assert refusal(mailgun_body(mailgun_event(), at=NOW + seconds)) == status


def test_what_is_sent_again_for_hours_is_taken_unless_the_settings_say_otherwise() -> None:
    body = mailgun_body(mailgun_event(), at=NOW - 7 * 3600)
    assert mark_of(body)
    assert refusal(body, access=replace(ACCESS, max_age=600)) == 406


@pytest.mark.parametrize(
    ("body", "type_", "status"),
    [
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"signature": 3}', "application/json", 401),
        (b'{"signature": {"timestamp": {}, "token": [], "signature": null}}', "application/json", 401),
        (b'{"event-data": {}}', "application/json", 401),
        (b"[" * 100_000, "application/json", 400),
        (b'{"a":' * 400 + b"1" + b"}" * 400, "application/json", 400),
        (b"event=delivered", FORM, 401),
        (b"a=1&" * 5000, FORM, 400),
        (b"--x\r\n", "multipart/form-data; boundary=x", 400),
        (b"", "multipart/form-data", 400),
        (b"x", "multipart/form-data; boundary=" + "y" * 1000, 400),
        (b"x", "image/png", 415),
        (b"x", "", 415),
    ],
    ids=str,
)
def test_rubbish_is_refused(body: bytes, type_: str, status: int) -> None:
    assert refusal(body, type_) == status


def test_an_event_is_told() -> None:
    [told] = MAILGUN.tell(posted(mailgun_body(mailgun_event("id-1", at=NOW - 5.5))))
    assert (told.id, told.time) == ("id-1", NOW - 5.5)
    assert told.fields == {
        "kind": "delivered",
        "event": "delivered",
        "message_id": "20261120@example.org",
        "recipient": "ada@example.com",
        "sender": "bounce@example.org",
        "class": None,
        "code": 250,
        "enhanced_code": None,
        "text": "OK",
        "relay_host": "mx.example.com",
        "sending_ip": "192.0.2.10",
        "ip": None,
        "user_agent": None,
        "subject": "Ödeme",
        "tags": ["welcome"],
        "size": 1200,
        "tls": True,
    }


@pytest.mark.parametrize(
    ("changes", "kind", "class_", "code", "enhanced"),
    [
        (
            {"event": "failed", "severity": "permanent", "reason": "bounce"}
            | {"delivery-status": {"code": 550, "message": "5.1.1 no such user"}},
            "bounced",
            "hard",
            550,
            "5.1.1",
        ),
        (
            {"event": "failed", "severity": "temporary", "reason": "generic"}
            | {"delivery-status": {"code": 452, "enhanced-code": "4.2.2", "message": "full"}},
            "deferred",
            "soft",
            452,
            "4.2.2",
        ),
        (
            {"event": "failed", "severity": "permanent", "reason": "suppress-bounce"}
            | {"delivery-status": {"code": 605, "message": "Not delivering to previously bounced address"}},
            "bounced",
            "other",
            None,
            None,
        ),
        ({"event": "rejected", "reject": {"reason": "spam"}, "delivery-status": 0}, "bounced", "other", None, None),
        ({"event": "opened", "delivery-status": None}, "opened", None, None, None),
        ({"event": "clicked", "delivery-status": None}, "clicked", None, None, None),
        ({"event": "complained", "delivery-status": []}, "complained", None, None, None),
        ({"event": "unsubscribed", "delivery-status": None}, "unsubscribed", None, None, None),
        ({"event": "stored", "delivery-status": None}, "other", None, None, None),
        ({"event": None, "delivery-status": None}, "other", None, None, None),
    ],
    ids=["hard", "soft", "suppressed", "rejected", "opened", "clicked", "complained", "unsubscribed", "stored", "none"],
)
def test_each_event_is_an_outcome(
    changes: dict[str, Any], kind: str, class_: str | None, code: int | None, enhanced: str | None
) -> None:
    [told] = MAILGUN.tell(posted(mailgun_body(mailgun_event(**changes))))
    found = [told.fields[name] for name in ("kind", "class", "code", "enhanced_code")]
    assert found == [kind, class_, code, enhanced]


def test_an_event_without_id_is_known_by_all_that_it_says() -> None:
    event = {"event": "delivered", "timestamp": NOW}
    told = [MAILGUN.tell(posted(mailgun_body(event)))[0] for _ in range(2)]
    assert told[0].id == told[1].id
    assert MAILGUN.tell(posted(mailgun_body({**event, "recipient": "b"})))[0].id != told[0].id


def test_a_forwarded_mail_is_told_and_is_the_same_when_it_is_signed_anew() -> None:
    fields = {"recipient": "fund@example.com", "sender": "a@b.example", "subject": "Selam", "Message-Id": "<1@b>"}
    bodies = [urlencode({**fields, "body-plain": "şğı", **mailgun_signature(at=NOW + n)}).encode() for n in range(2)]
    told = [MAILGUN.tell(posted(body, FORM))[0] for body in bodies]
    assert told[0].id == told[1].id
    assert told[0].time is None
    assert told[0].fields["kind"] == "inbound"
    assert told[0].fields["message_id"] == "1@b"
    assert told[0].said == {**fields, "body-plain": "şğı"}


def test_a_raw_mail_is_kept_byte_by_byte() -> None:
    raw = b"Subject: x\r\n\r\n\xff\xfe binary"
    body = urlencode({"recipient": "a@b.example", "body-mime": raw, **mailgun_signature()}).encode()
    [told] = MAILGUN.tell(posted(body, FORM))
    assert told.message == raw
    assert "body-mime" not in str(told.said)
