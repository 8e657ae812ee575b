"""SendGrid: signatures, lists of events, and mails that come in."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import requests

from mailevents_dagster.sources.webhook.providers.provider import Access, RefusedError, Request
from mailevents_dagster.sources.webhook.providers.sendgrid import SENDGRID, public_key_of
from mailevents_dagster.sources.webhook.spool.frames import Posted
from mailevents_dagster_tests.sources.webhook.senders import JSON, NOW, SendGridKey

KEY = SendGridKey()
ACCESS = Access(public_key=KEY.public, max_age=86_400)
EVENT: dict[str, Any] = {
    "event": "bounce",
    "email": "ada@example.com",
    "timestamp": int(NOW),
    "smtp-id": "<1@example.org>",
    "sg_event_id": "evt-1",
    "category": ["cat", "dog"],
    "type": "bounce",
    "bounce_classification": "Invalid Address",
    "reason": "550 5.1.1 The email account does not exist",
    "status": "5.1.1",
    "ip": "192.0.2.5",
    "tls": 1,
}
BODY = json.dumps([EVENT]).encode()


def prove(body: bytes, headers: dict[str, str], access: Access = ACCESS) -> str:
    return SENDGRID.prove(Request(headers, Posted(NOW, "application/json", body)), access, NOW)


def refusal(body: bytes, headers: dict[str, str], access: Access = ACCESS) -> int:
    with pytest.raises(RefusedError) as refused:
        prove(body, headers, access)
    return int(refused.value.status)


def tell(*events: object) -> Any:
    return SENDGRID.tell(Posted(NOW, "application/json", json.dumps(events).encode()))


def test_a_signed_request_is_taken_and_known_again() -> None:
    assert prove(BODY, KEY.headers(BODY)) == prove(BODY, KEY.headers(BODY))  # two signatures, one content
    assert prove(BODY, KEY.headers(BODY)) != prove(BODY, KEY.headers(BODY, NOW - 1))


def test_a_tampered_body_timestamp_or_signature_is_refused() -> None:
    headers = KEY.headers(BODY)
    signature, timestamp = list(headers)[:2]
    assert refusal(BODY + b" ", headers) == 403
    assert refusal(BODY, {**headers, timestamp: str(int(NOW) + 1)}) == 403
    assert refusal(BODY, {**headers, signature: headers[signature][:-8] + "AAAAAAA="}) == 403
    assert refusal(BODY, {**headers, signature: "no base64!"}) == 403
    assert refusal(BODY, {**headers, signature: ""}) == 401
    assert refusal(BODY, JSON) == 401


def test_the_key_of_another_is_refused() -> None:
    assert refusal(BODY, SendGridKey().headers(BODY)) == 403


@pytest.mark.parametrize("seconds", [-86_401, 3600], ids=["old", "future"])
def test_old_and_future_signatures_are_refused(seconds: int) -> None:
    assert refusal(BODY, KEY.headers(BODY, NOW + seconds)) == 403
    assert refusal(BODY, KEY.headers(BODY, NOW - 700), replace(ACCESS, max_age=600)) == 403


def test_without_a_key_the_secret_in_the_address_was_the_proof() -> None:
    assert prove(BODY, JSON, Access("secret")) == ""


def test_without_any_proof_nothing_is_taken() -> None:
    assert refusal(BODY, JSON, Access()) == 403
    assert refusal(BODY, KEY.headers(BODY), Access(public_key="no key")) == 403


def test_keys_are_read_as_the_console_and_as_openssl_write_them() -> None:
    pem = "-----BEGIN PUBLIC KEY-----\n" + "\n".join(KEY.public[n : n + 64] for n in range(0, 200, 64))
    assert public_key_of(KEY.public)
    assert public_key_of(pem + "\n-----END PUBLIC KEY-----\n")
    assert not public_key_of("a-password")
    assert not public_key_of("")


def test_each_event_of_a_list_is_told() -> None:
    first, second = tell(EVENT, {**EVENT, "sg_event_id": "evt-2", "timestamp": int(NOW) - 3600})
    assert (first.id, first.time, second.id, second.time) == ("evt-1", NOW, "evt-2", NOW - 3600)
    assert first.fields == {
        "kind": "bounced",
        "event": "bounce",
        "message_id": "1@example.org",
        "recipient": "ada@example.com",
        "class": "hard",
        "code": 550,
        "enhanced_code": "5.1.1",
        "text": "550 5.1.1 The email account does not exist",
        "sending_ip": "192.0.2.5",
        "user_agent": None,
        "tags": ["cat", "dog"],
        "tls": True,
    }


@pytest.mark.parametrize(
    ("event", "kind", "class_"),
    [
        ({"event": "processed"}, "accepted", None),
        ({"event": "delivered"}, "delivered", None),
        ({"event": "deferred"}, "deferred", "soft"),
        ({"event": "bounce", "type": "blocked"}, "bounced", "soft"),
        ({"event": "bounce", "bounce_classification": "Reputation"}, "bounced", "policy"),
        ({"event": "bounce"}, "bounced", "other"),
        ({"event": "dropped", "reason": "Bounced Address"}, "bounced", "other"),
        ({"event": "spamreport"}, "complained", None),
        ({"event": "open"}, "opened", None),
        ({"event": "click"}, "clicked", None),
        ({"event": "unsubscribe"}, "unsubscribed", None),
        ({"event": "group_unsubscribe"}, "unsubscribed", None),
        ({"event": "group_resubscribe"}, "other", None),
        ({}, "other", None),
    ],
    ids=str,
)
def test_each_event_is_an_outcome(event: dict[str, str], kind: str, class_: str | None) -> None:
    [told] = tell(event)
    assert (told.fields["kind"], told.fields["class"]) == (kind, class_)
    assert told.id


@pytest.mark.parametrize("body", [b"", b"3", b'["a"]', b"[[]]", b"null", b"\xff"], ids=str)
def test_rubbish_is_refused(body: bytes) -> None:
    with pytest.raises(RefusedError) as refused:
        SENDGRID.tell(Posted(NOW, "application/json", body))
    assert refused.value.status == 400


def test_fields_of_any_type_are_no_fault() -> None:
    odd = {name: {"a": [1]} for name in EVENT} | {"timestamp": 1e300, "tls": "x", "category": [None, 3, {}]}
    [told] = tell(odd)
    assert told.time is None
    assert told.fields["recipient"] is None


def multipart(**fields: Any) -> Posted:
    request = requests.Request("POST", "http://x.example", files=list(fields.items())).prepare()
    assert isinstance(request.body, bytes)
    return Posted(NOW, request.headers["content-type"], request.body)


def test_an_inbound_mail_is_told_with_its_attachments() -> None:
    envelope = json.dumps({"to": ["fund@example.com"], "from": "a@b.example"})
    posted = multipart(
        headers=(None, "Received: by mx\r\nMessage-ID: <1@b.example>\r\n"),
        to=(None, "Fund <fund@example.com>"),
        subject=(None, "Ödeme".encode("iso-8859-9")),
        charsets=(None, '{"subject": "iso-8859-9"}'),
        envelope=(None, envelope),
        attachment1=("fatura ş.pdf", b"%PDF\r\n--\x00\xff\r\n", "application/pdf"),
        attachment2=("empty.txt", b"", "text/plain"),
    )
    [told] = SENDGRID.tell(posted)
    assert told.fields == {
        "kind": "inbound",
        "event": "inbound",
        "message_id": "1@b.example",
        "recipient": "fund@example.com",
        "sender": "a@b.example",
        "subject": "Ödeme",
        "ip": None,
    }
    [pdf, empty] = told.files
    assert (pdf.name, pdf.type, pdf.content) == ("fatura ş.pdf", "application/pdf", b"%PDF\r\n--\x00\xff\r\n")
    assert (empty.name, empty.content) == ("empty.txt", b"")


def test_an_inbound_mail_has_one_id_whatever_the_border_of_its_parts() -> None:
    one, other = (multipart(subject=(None, "x"), a=("a", b"1", "text/plain")) for _ in range(2))
    assert one.type != other.type
    assert SENDGRID.tell(one)[0].id == SENDGRID.tell(other)[0].id
    assert SENDGRID.tell(one)[0].id != SENDGRID.tell(multipart(subject=(None, "x"), a=("a", b"2", "text/plain")))[0].id


def test_a_raw_inbound_mail_is_kept_byte_by_byte() -> None:
    raw = b"Subject: x\r\n\r\n\xff\xfe"
    [told] = SENDGRID.tell(multipart(email=(None, raw), to=(None, "a@b.example")))
    assert told.message == raw


def test_an_attached_mail_is_one_file() -> None:
    inner = b"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\na\r\n--x--\r\n"
    [told] = SENDGRID.tell(multipart(a=("m.eml", inner, "message/rfc822")))
    assert told.files[0].content == inner


def test_a_field_of_an_inbound_mail_is_read_though_its_charset_is_another() -> None:
    charsets = json.dumps({"subject": "utf-8", "text": "unicode_escape"})
    (told,) = SENDGRID.tell(
        multipart(charsets=(None, charsets), subject=(None, "Şubat".encode("cp1254")), text=(None, "\\ud800"))
    )
    assert told.fields["subject"] == "Şubat"
    assert told.said["text"] == "\\ud800"
