"""What is no bounce: complaints, receipts, auto-replies, and mails that only look like notices."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.outcomes.notices.notice import NoticeKind
from mailevents_dagster_tests.sources.outcomes.notices.messages_made import BOUNCED, only, parts, shown, written

PERSON = {"From": "Ada <ada@post.example>", "Return_Path": "<ada@post.example>"}
RECEIPT = (
    "Reporting-UA: post.example; Mail 1.0\nOriginal-Recipient: rfc822;team@post.example\nFinal-Recipient: "
    "rfc822;ada@post.example\nOriginal-Message-ID: <m1@shop.example>\nDisposition: "
    "manual-action/MDN-sent-manually; displayed"
)


def complaint(fields: str, returned: str = BOUNCED) -> bytes:
    return parts(
        ("text/plain", "This is an abuse report."),
        ("message/feedback-report", fields),
        ("message/rfc822", f"{returned}\n\nHi\n"),
        kind="report; report-type=feedback-report",
        From="feedback@post.example",
        Subject="FW: Your order",
    )


def test_a_complaint_tells_of_each_recipient_that_it_names() -> None:
    fields = "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Mail-From: <bounce@shop.example>\n"
    message = complaint(f"{fields}Original-Rcpt-To: <ada@post.example>\nOriginal-Rcpt-To: bob@post.example\n")
    assert shown(message) == ["complaint ada@post.example - - -", "complaint bob@post.example - - -"]


def test_a_complaint_that_hides_the_recipient_is_of_the_one_in_the_header() -> None:
    notice = only(complaint("Feedback-Type: Abuse\nUser-Agent: x/1\nOriginal-Mail-From: <bounce@shop.example>\n"))
    assert (notice.recipient, notice.feedback_type) == ("ada@post.example", "abuse")
    assert (notice.original.sender, notice.original.message_id) == ("bounce@shop.example", "m1@shop.example")


def test_a_complaint_about_a_mail_to_many_names_nobody() -> None:
    to_many = BOUNCED.replace("To: ada@post.example", "To: ada@post.example, bob@post.example")
    assert only(complaint("Feedback-Type: fraud\nUser-Agent: x/1\n", to_many)).recipient is None


def test_a_complaint_says_of_what_type_it_is() -> None:
    for type_ in ("not-spam", "auth-failure", "opt-out", "virus"):
        assert only(complaint(f"Feedback-Type: {type_}\nUser-Agent: x/1\n")).feedback_type == type_


def test_a_notice_that_names_nobody_is_not_about_whom_it_is_for() -> None:
    to_himself = "From: news@shop.example\nTo: news@shop.example\nSubject: Your order\nMessage-ID: <m1@shop.example>"
    message = written("Your message did not reach Ada Lovelace.", f"--- Original message ---\n{to_himself}")
    assert shown(message) == ["bounce - other - -"]


def test_hotmails_complaints_are_told_by_their_subject() -> None:
    inner = f"X-HmXmrOriginalRecipient: bob@post.example\n{BOUNCED}\n\nHi\n"
    for host in ("192.0.2.1", "192.0.2.xxx"):
        message = parts(("message/rfc822", inner), kind="mixed", Subject=f"complaint about message from {host}")
        assert shown(message) == ["complaint bob@post.example - - -"]


def test_a_receipt_is_of_whom_the_mail_was_sent_to() -> None:
    message = parts(
        ("text/plain", "Your mail was displayed. Could not be delivered? No."),
        ("message/disposition-notification", RECEIPT),
        kind="report; report-type=disposition-notification",
        Subject="Read: Your order",
        **PERSON,
    )
    notice = only(message)
    assert (notice.kind, notice.recipient, notice.action) == ("receipt", "team@post.example", "displayed")
    assert notice.original.message_id == "m1@shop.example"
    assert not notice.is_delivered


AUTOMATIC = [
    {"Auto_Submitted": "auto-replied (vacation)"},
    {"Auto_Submitted": "auto-generated", "In_Reply_To": "<m1@shop.example>"},
    {"Precedence": "auto_reply"},
    {"X_Autoreply": "yes"},
    {"X_Autorespond": "on"},
    {"X_Auto_Response_Suppress": "All", "Subject": "Automatic reply: Your order"},
    {"Precedence": "bulk", "Subject": "Out of Office: Your order"},
    {"Auto_Submitted": "auto-generated", "Subject": "RE: Your order"},
    {"Subject": "Automatic reply: Your order"},
    {"Subject": "AUTO: Ada is out of the office (returning 23.11.2026)"},
    {"Precedence": "junk", "Subject": "[Automatyczna odpowiedź] zamówienie"},
    *(
        {"In_Reply_To": "<m1@shop.example>", "Subject": subject}
        for subject in (
            "Abwesenheitsnotiz: Bestellung",
            "Réponse automatique : Votre commande",
            "Respuesta automática: Su pedido",
            "Risposta automatica: ordine",
            "Resposta automática: Seu pedido",
            "Otomatik yanıt: Siparişiniz",
            "Ofis dışında",
            "Автоматический ответ: заказ",
            "Odpowiedź automatyczna: zamówienie",
            "自動返信: ご注文",
            "自动回复: 您的订单",
            "부재중 자동 응답",
            "Automatisch antwoord: bestelling",
            "Automatiskt svar: order",
        )
    ),
]


@pytest.mark.parametrize("fields", AUTOMATIC, ids=lambda fields: " ".join(fields.values()))
@pytest.mark.parametrize("sender", ["<>", "<ada@post.example>"])
def test_an_auto_reply_is_told_by_what_programs_add(fields: dict[str, str], sender: str) -> None:
    away = "I am away until Monday. Urgent mails cannot be delivered to me; ask bob@post.example: he knows.\n"
    message = written(away, **(PERSON | {"Subject": "Re: Your order", "Return_Path": sender} | fields))
    assert shown(message) == ["auto-reply ada@post.example - - -"]


def test_what_comes_in_bulk_and_tells_nobody_of_its_failures_is_an_auto_reply() -> None:
    thanks = PERSON | {"Return_Path": "<>", "Precedence": "bulk", "Subject": "Thank you for your mail"}
    assert shown(written("I will answer soon.", **thanks)) == ["auto-reply ada@post.example - - -"]
    assert shown(written("I will answer soon.", **(thanks | {"Return_Path": "<a@post.example>"}))) == ["none - - - -"]
    assert shown(written("A report.", **(thanks | {"Auto_Submitted": "auto-generated"}))) == ["none - - - -"]


def test_an_auto_reply_knows_the_mail_that_it_answers() -> None:
    message = written("Away", **PERSON, Subject="Away", Auto_Submitted="auto-replied", In_Reply_To="<m1@shop.example>")
    assert only(message).original.message_id == "m1@shop.example"


NONE = {
    "a mail with numbers that look like codes": written(
        "The flat is 550 Main Street, 5.1.1 of the plan: ada@post.example: call her.", **PERSON, Subject="Our flat"
    ),
    "a mail that tells of a bounce": written(
        "I got this: 550 5.1.1 <bob@post.example>: User unknown. Delivery failed, what shall I do?",
        **PERSON,
        Subject="Mail delivery failed",
    ),
    "a newsletter about deliverability": written(
        "Undelivered mail returned to sender\n\n<ada@post.example>: 550 5.1.1 User unknown\n\nis what many see.",
        From="News <news@letters.example>",
        Return_Path="<bounce-1@letters.example>",
        List_Unsubscribe="<https://letters.example/u>",
        Subject="Why your mail delivery fails: a delivery status explained",
    ),
    "a newsletter of a postmaster": written(
        "How not to be rejected\n\nSome mails cannot be delivered. ada@post.example: 550 5.1.1 is what many see.",
        From="Postmaster team <postmaster@letters.example>",
        Return_Path="<bounce-1@letters.example>",
        List_Unsubscribe="<https://letters.example/u>",
        Subject="This month: reputation",
    ),
    "a person who forwards an auto-reply": written("See below", **PERSON, Subject="Fwd: Automatic reply: Your order"),
    "a program that quotes a failure in a sentence": written(
        "A customer says: mails to ada@post.example fail with 550 5.1.1 User unknown.",
        From="Support <support@shop.example>",
        Return_Path="<support@shop.example>",
        Subject="Ticket 7: mail delivery problem",
        Auto_Submitted="auto-generated",
    ),
    "an issue tracker": written(
        "Ada closed the issue.",
        From="Ada <issues@tracker.example>",
        Return_Path="<issues@tracker.example>",
        Subject="Re: Delivery of mails fails",
        List_Id="<shop.tracker.example>",
        In_Reply_To="<m1@shop.example>",
        Auto_Submitted="auto-generated",
    ),
    "a report of cron": written(
        "550 jobs done",
        From="Cron <root@shop.example>",
        Return_Path="<root@shop.example>",
        Auto_Submitted="auto-generated",
    ),
    "a calendar with a null sender": written(
        "See you at 5.30", **(PERSON | {"Return_Path": "<>"}), Subject="Accepted: lunch"
    ),
    "a person who is away, by his own words": written("I am on holiday!", **PERSON, Subject="On holiday in Izmir"),
    "a mail of the postmaster, a person": written(
        "Dear all, the mail server will be down on Sunday. Ask help@shop.example if you have questions.",
        From="Postmaster <postmaster@shop.example>",
        Return_Path="<postmaster@shop.example>",
        Subject="Maintenance on Sunday",
    ),
    "a server's good news": written(
        "Your message was delivered to ada@post.example.", Subject="Delivery Status Notification (Success)"
    ),
    "nothing": b"",
    "a header alone": b"Subject: Undeliverable",
    "bytes": bytes(range(256)) * 20,
    "an answer of SES that is no notification": written('{"Type": "Notification", "Message": "{}"}', **PERSON),
}


@pytest.mark.parametrize("message", NONE.values(), ids=NONE.keys())
def test_a_mail_that_only_looks_like_a_notice_is_none(message: bytes) -> None:
    assert shown(message) == ["none - - - -"]


COMPLAINED = "Feedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\nOriginal-Rcpt-To: <bob@post.example>\n"


@pytest.mark.parametrize(
    ("written", "type_"), [("Abuse (button)", "abuse"), ("abuse;", "abuse"), ("not-spam (folder)", "not-spam")]
)
def test_what_stands_behind_the_type_of_a_complaint_changes_nothing(written: str, type_: str) -> None:
    assert only(complaint(COMPLAINED.replace("abuse", written))).feedback_type == type_


def test_blank_lines_between_the_fields_of_a_complaint_end_nothing() -> None:
    assert only(complaint(COMPLAINED.replace("Original", "\n\nOriginal"))).recipient == "bob@post.example"


@pytest.mark.parametrize("type_", ["application/octet-stream; name=report", "text/x-report; name=report"])
def test_the_fields_of_a_complaint_may_be_called_anything(type_: str) -> None:
    notice = only(complaint(COMPLAINED).replace(b"message/feedback-report", type_.encode()))
    assert (notice.kind, notice.recipient) == (NoticeKind.COMPLAINT, "bob@post.example")


def test_the_mail_that_a_complaint_is_about_may_be_called_anything() -> None:
    message = complaint("Feedback-Type: abuse\nUser-Agent: x/1\n").replace(
        b"message/rfc822", b"application/octet-stream"
    )
    assert only(message).recipient == "ada@post.example"
