"""Postmark: its events and its inbound stream."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from mailevents_dagster.sources.webhook.providers.postmark import POSTMARK
from mailevents_dagster.sources.webhook.providers.provider import RefusedError, Told
from mailevents_dagster.sources.webhook.spool.frames import Posted
from mailevents_dagster_tests.sources.webhook.senders import NOW

BOUNCE = {
    "RecordType": "Bounce",
    "ID": 4323372036854775807,
    "Type": "HardBounce",
    "TypeCode": 1,
    "MessageID": "883953f4-6105-42a2-a16a-77a8eac79483",
    "Description": "The server was unable to deliver your message",
    "Details": "smtp;550 5.1.1 unknown user",
    "Email": "ada@example.com",
    "From": "news@example.org",
    "BouncedAt": "2026-11-30T10:00:00.1234567Z",
    "Subject": "Merhaba",
    "Tag": "welcome",
}
INBOUND = {
    "From": "a@b.example",
    "FromFull": {"Email": "a@b.example", "Name": "A"},
    "To": "Fund <fund@example.com>",
    "OriginalRecipient": "fund@example.com",
    "Subject": "Selam",
    "MessageID": "22c74902-a0c1-4511-804f-341342852c90",
    "Headers": [{"Name": "X"}, {"Name": "Message-ID", "Value": "<1@b.example>"}],
    "Attachments": [
        {
            "Name": "a.pdf",
            "Content": base64.b64encode(b"%PDF").decode(),
            "ContentType": "application/pdf",
            "ContentID": "cid:1",
        },
    ],
    "TextBody": "x",
}


def tell(event: object) -> Told:
    [told] = POSTMARK.tell(Posted(NOW, "application/json", json.dumps(event).encode()))
    return told


def test_a_bounce_is_told() -> None:
    told = tell(BOUNCE)
    assert (told.id, told.time) == ("Bounce:4323372036854775807", 1_796_032_800.123456)
    assert told.fields == {
        "kind": "bounced",
        "event": "Bounce:HardBounce",
        "message_id": "883953f4-6105-42a2-a16a-77a8eac79483",
        "recipient": "ada@example.com",
        "sender": "news@example.org",
        "class": "hard",
        "code": 550,
        "enhanced_code": "5.1.1",
        "text": "smtp;550 5.1.1 unknown user",
        "ip": None,
        "user_agent": None,
        "subject": "Merhaba",
        "tags": ["welcome"],
    }


@pytest.mark.parametrize(
    ("changes", "kind", "class_"),
    [
        ({"Type": "SoftBounce"}, "bounced", "soft"),
        ({"Type": "Transient"}, "deferred", "soft"),
        ({"Type": "Blocked"}, "bounced", "policy"),
        ({"Type": "AutoResponder"}, "other", None),
        ({"Type": "of tomorrow"}, "bounced", "other"),
        ({"RecordType": "SpamComplaint"}, "complained", None),
        ({"RecordType": "Delivery"}, "delivered", None),
        ({"RecordType": "Open"}, "opened", None),
        ({"RecordType": "Click"}, "clicked", None),
        ({"RecordType": "SubscriptionChange", "SuppressSending": True}, "unsubscribed", None),
        ({"RecordType": "SubscriptionChange", "SuppressSending": False}, "other", None),
        ({"RecordType": {"a": 1}}, "other", None),
    ],
    ids=str,
)
def test_each_event_is_an_outcome(changes: dict[str, Any], kind: str, class_: str | None) -> None:
    told = tell({**BOUNCE, **changes})
    assert (told.fields["kind"], told.fields["class"]) == (kind, class_)


def test_events_without_a_number_are_known_by_all_that_they_say() -> None:
    event = {"RecordType": "Open", "MessageID": "m", "Recipient": "a@b.example", "ReceivedAt": "2026-11-30T10:00:00Z"}
    assert tell(event).id == tell(event).id != tell({**event, "ReceivedAt": "2026-11-30T10:00:01Z"}).id


def test_an_inbound_mail_is_told_with_its_attachments() -> None:
    told = tell(INBOUND)
    assert told.id == "22c74902-a0c1-4511-804f-341342852c90:fund@example.com"
    assert told.fields["kind"] == "inbound"
    assert told.fields["message_id"] == "1@b.example"
    assert told.fields["recipient"] == "fund@example.com"
    [file] = told.files
    assert (file.name, file.content, file.inline) == ("a.pdf", b"%PDF", True)
    assert told.message is None
    assert "Attachments" not in str(told.said)


def test_a_raw_mail_is_kept() -> None:
    assert tell({**INBOUND, "RawEmail": "Subject: ş\r\n\r\nx"}).message == "Subject: ş\r\n\r\nx".encode()


@pytest.mark.parametrize(
    "event",
    [{}, [], 3, {"RecordType": None}, {**INBOUND, "Attachments": [{"Content": "a"}]}],
    ids=["empty", "list", "number", "nothing", "attachment"],
)
def test_rubbish_is_refused(event: object) -> None:
    with pytest.raises(RefusedError) as refused:
        tell(event)
    assert refused.value.status == 400
