"""Notifications of Amazon SES that come by mail."""

from __future__ import annotations

import json

import pytest

from mailevents_dagster_tests.sources.outcomes.notices.messages_made import only, shown, written


def notification(kind: str, told: dict[str, object], *, folded: bool = False, raw: bool = False) -> bytes:
    mail = {"messageId": "ses-1", "source": "bounce@shop.example", "destination": ["ada@post.example"]}
    mail["commonHeaders"] = {"messageId": "<m1@shop.example>"}  # type: ignore[assignment]
    name = kind[0].lower() + kind[1:]
    content = json.dumps({"notificationType": kind, name: told, "mail": mail, "padding": "x" * (1500 if folded else 0)})
    text = content if raw else json.dumps({"Type": "Notification", "Message": content}, indent=2)
    if folded:
        text = "\n".join(line if len(line) < 998 else f"{line[:990]}\n {line[990:]}" for line in text.split("\n"))
    return written(text, From="SNS <no-reply@sns.example>", Return_Path="<x@sns.example>", Subject="AWS Notification")


BOUNCE = {
    "bounceType": "Permanent",
    "bounceSubType": "General",
    "bouncedRecipients": [
        {
            "emailAddress": "ada@post.example",
            "action": "failed",
            "status": "5.1.1",
            "diagnosticCode": "smtp; 550 5.1.1 no",
        }
    ],
    "timestamp": "2026-11-20T10:00:00.000Z",
}


@pytest.mark.parametrize(("folded", "raw"), [(False, False), (True, False), (False, True)])
def test_a_notification_of_ses_tells_of_a_bounce(*, folded: bool, raw: bool) -> None:
    notice = only(notification("Bounce", BOUNCE, folded=folded, raw=raw))
    assert (notice.kind, notice.recipient, notice.code, notice.enhanced_code) == (
        "bounce",
        "ada@post.example",
        550,
        "5.1.1",
    )
    assert (notice.original.message_id, notice.original.sender) == ("m1@shop.example", "bounce@shop.example")
    assert notice.last_attempt == 1795168800


@pytest.mark.parametrize(
    ("kind", "told", "line"),
    [
        (
            "Bounce",
            {
                "bounceType": "Transient",
                "bounceSubType": "MailboxFull",
                "bouncedRecipients": [{"emailAddress": "a@b.example"}],
            },
            "bounce a@b.example soft - 5.2.2",
        ),
        (
            "Bounce",
            {
                "bounceType": "Permanent",
                "bounceSubType": "Suppressed",
                "bouncedRecipients": [{"emailAddress": "a@b.example"}],
            },
            "bounce a@b.example hard - 5.1.1",
        ),
        (
            "Bounce",
            {
                "bounceType": "Transient",
                "bounceSubType": "General",
                "bouncedRecipients": [{"emailAddress": "a@b.example"}],
            },
            "bounce a@b.example soft - 4.0.0",
        ),
        ("Complaint", {"complainedRecipients": [{"emailAddress": "a@b.example"}]}, "complaint a@b.example - - -"),
        ("Delivery", {"recipients": ["a@b.example"]}, "receipt a@b.example - - -"),
        (
            "DeliveryDelay",
            {"delayType": "MailboxFull", "delayedRecipients": [{"emailAddress": "a@b.example", "status": "4.2.2"}]},
            "deferral a@b.example soft - 4.2.2",
        ),
        ("Send", {}, "none - - - -"),
        ("Bounce", {"bouncedRecipients": "x"}, "none - - - -"),
        ("Bounce", {"bouncedRecipients": [7, None]}, "bounce - other - -"),
    ],
)
def test_notifications_of_ses_are_of_many_kinds(kind: str, told: dict[str, object], line: str) -> None:
    assert shown(notification(kind, told))[0] == line
