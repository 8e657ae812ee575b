"""Reports of delivery: what they say of each recipient, whole and damaged."""

from __future__ import annotations

import pytest

from mailevents_dagster.sources.outcomes.notices.notice import NoticeKind
from mailevents_dagster.sources.outcomes.notices.reading import notices_of
from mailevents_dagster_tests.sources.outcomes.notices.messages_made import BOUNCED, only, parts, report, shown

FAILED = (
    "Final-Recipient: rfc822; ada@post.example\nAction: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.post.example\n"
    "Diagnostic-Code: smtp; 550 5.1.1 <ada@post.example>: User unknown"
)
TOLD = ["bounce ada@post.example hard 550 5.1.1"]


def test_a_code_that_sendmail_made_up_is_held_against_no_address_that_is_not_at_fault() -> None:
    guessed = "Final-Recipient: rfc822; ada@post.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; "
    assert shown(report(f"{guessed}550 Denied by policy")) == ["bounce ada@post.example policy 550 5.1.1"]
    assert shown(report(f"{guessed}550 Mailbox quota exceeded")) == ["bounce ada@post.example soft 550 5.1.1"]
    assert shown(report(f"{guessed}550 no")) == ["bounce ada@post.example hard 550 5.1.1"]
    assert shown(report(f"{guessed}550 5.1.1 Denied by policy")) == ["bounce ada@post.example hard 550 5.1.1"]


def test_a_report_tells_all_that_is_known_of_a_failure() -> None:
    notice = only(report(f"{FAILED}\nLast-Attempt-Date: Fri, 20 Nov 2026 10:00:00 +0300"))
    assert notice.kind is NoticeKind.BOUNCE
    assert notice.rule == "code-no-mailbox"
    assert notice.text == "550 5.1.1 <ada@post.example>: User unknown"
    assert (notice.action, notice.diagnostic_type) == ("failed", "smtp")
    assert (notice.remote_host, notice.reporting_host) == ("mx.post.example", "mx.shop.example")
    assert (notice.arrived, notice.last_attempt) == (1795157940, 1795158000)
    assert (notice.original.message_id, notice.original.sender) == ("m1@shop.example", "news@shop.example")
    assert notice.original.recipients == ("ada@post.example",)


def test_each_recipient_has_an_action_of_its_own() -> None:
    groups = [
        f"Final-Recipient: rfc822; {action}@post.example\nAction: {action}\nStatus: {status}"
        for action, status in [
            ("failed", "5.1.1"),
            ("delayed", "4.4.1"),
            ("delivered", "2.0.0"),
            ("relayed", "2.1.9"),
            ("expanded", "2.1.5"),
        ]
    ]
    assert shown(report("\n\n".join(groups))) == [
        "bounce failed@post.example hard - 5.1.1",
        "deferral delayed@post.example soft - 4.4.1",
        "receipt delivered@post.example - - 2.0.0",
        "receipt relayed@post.example - - 2.1.9",
        "receipt expanded@post.example - - 2.1.5",
    ]


def test_only_a_report_of_delivery_says_that_it_was_delivered() -> None:
    delivered = only(report("Final-Recipient: rfc822; ada@post.example\nAction: relayed\nStatus: 2.1.9"))
    assert delivered.is_delivered
    assert not only(report(FAILED)).is_delivered


def test_the_recipient_is_whom_the_mail_was_sent_to_where_an_alias_led_to_another() -> None:
    told = "Original-Recipient: rfc822;ada@post.example\nFinal-Recipient: rfc822; ada@inside.example\nAction: failed"
    notice = only(report(f"{told}\nStatus: 5.1.1"))
    assert notice.recipient == notice.original_recipient == "ada@post.example"
    assert notice.final_recipient == "ada@inside.example"


def test_the_mail_that_came_back_says_which_of_two_recipients_it_was_sent_to() -> None:
    told = "Original-Recipient: rfc822;list@other.example\nFinal-Recipient: rfc822; ada@post.example\nAction: failed"
    assert only(report(f"{told}\nStatus: 5.1.1")).recipient == "ada@post.example"


@pytest.mark.parametrize(
    "written",
    [
        "rfc822;ada@post.example",
        "RFC822; <ada@post.example>",
        "ada@post.example",
        "<ada@post.example>",
        "rfc/822;ada@post.example",
        "rfc822; Ada <ada@post.example>",
        "rfc822;mailto:ada@post.example",
    ],
)
def test_a_recipient_is_read_in_whatever_it_is_wrapped(written: str) -> None:
    assert only(report(FAILED.replace("rfc822; ada@post.example", written))).recipient == "ada@post.example"


@pytest.mark.parametrize(
    ("written", "recipient"),
    [
        ('rfc822; "ada b"@post.example', '"ada b"@post.example'),
        ("rfc822; o'brien+news@post.example", "o'brien+news@post.example"),
        ("rfc822; ada@bücher.example", "ada@bücher.example"),
        ("utf-8; дело@почта.example", "дело@почта.example"),
        (r"utf-8; \x{434}\x{435}ло@post.example", "дело@post.example"),
        ("rfc822; ada@[192.0.2.1]", "ada@[192.0.2.1]"),
    ],
)
def test_recipients_have_quotes_and_letters_of_all_scripts(written: str, recipient: str) -> None:
    assert only(report(FAILED.replace("rfc822; ada@post.example", written))).recipient == recipient


@pytest.mark.parametrize("written", ["rfc822;", "rfc822; ada", "LOCAL;<>", "X400; /S=ada/O=post/", "rfc822; @"])
def test_a_recipient_without_a_domain_is_looked_for_in_the_mail_that_came_back(written: str) -> None:
    assert only(report(FAILED.replace("rfc822; ada@post.example", written))).recipient == "ada@post.example"


@pytest.mark.parametrize(
    "damaged",
    [
        FAILED.replace("Action", "ction"),
        FAILED.replace("Action: failed\n", ""),
        FAILED.replace("\n", "\n\n"),
        FAILED.replace("<ada", "\n<ada"),
        FAILED.replace(": ", " : "),
        FAILED.replace(": ", ":"),
        FAILED.replace("\n", "\r\n"),
        FAILED.upper().replace("ADA@POST.EXAMPLE", "ada@post.example"),
        FAILED.replace("Status: 5.1.1", "Status: 5.0.0 (permanent failure)"),
        FAILED.replace("Status: 5.1.1", "Status: 550 5.1.1 unknown"),
        FAILED.replace("Status: 5.1.1\n", ""),
        FAILED.replace("smtp; 550", "550"),
        FAILED.replace("smtp; 550 5.1.1", "smtp;550-5.1.1"),
    ],
)
def test_a_damaged_report_tells_the_same(damaged: str) -> None:
    assert shown(report(damaged)) == TOLD


def test_recipients_that_no_blank_line_parts_are_two() -> None:
    second = FAILED.replace("ada@", "bob@")
    assert shown(report(f"{FAILED}\n{second}")) == [*TOLD, TOLD[0].replace("ada@", "bob@")]


@pytest.mark.parametrize("kind", ["mixed", "report", "report; report-type=disposition-notificatio", "alternative"])
def test_a_report_counts_whatever_multipart_it_stands_in(kind: str) -> None:
    status = f"Reporting-MTA: dns; mx.shop.example\n\n{FAILED}\n"
    assert shown(parts(("text/plain", "It failed."), ("Message/Delivery-Status; charset=x", status), kind=kind)) == TOLD


def test_a_report_within_a_multipart_of_a_multipart_counts() -> None:
    inner = parts(("message/delivery-status", f"Reporting-MTA: dns; mx.shop.example\n\n{FAILED}\n")).decode()
    inner_part = inner[inner.index("Content-Type: multipart") :].replace("=_b", "=_inner")
    type_, _, content = inner_part.partition("\n\n")
    assert shown(parts((type_.removeprefix("Content-Type: "), content), kind="mixed")) == TOLD


def test_a_report_that_a_gateway_made_text_is_read_as_text() -> None:
    text = f"An error occurred.\n\nTechnical report:\n\nReporting-MTA: dns; mx.shop.example\n\n{FAILED}\n"
    assert shown(parts(("text/plain", text), ("message/rfc822", f"{BOUNCED}\n\nHi\n"), kind="mixed")) == TOLD


def test_a_report_without_a_reason_takes_it_from_the_text() -> None:
    status = "Final-Recipient: rfc822; ada@post.example\nAction: failed\nStatus: 5.0.0"
    text = "These failed:\n\nbob@post.example: 552 5.2.2 full\nada@post.example: 550 5.7.25 no reverse DNS for you\n"
    notice = only(report(status, text))
    assert (notice.code, notice.enhanced_code, notice.text) == (550, "5.7.25", "550 5.7.25 no reverse DNS for you")


def test_a_reason_without_a_code_takes_it_from_the_text() -> None:
    status = (
        "Final-Recipient: rfc822; ada@post.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; no such user"
    )
    notice = only(report(status, "<ada@post.example>: mx.post.example said: 553 sorry, no such user\n"))
    assert (notice.code, notice.enhanced_code, notice.text) == (553, "5.1.1", "no such user")


def test_a_number_for_a_reason_says_less_than_the_text() -> None:
    status = "Final-Recipient: RFC822; ada@post.example\nAction: failed\nStatus: 5.3.0\nDiagnostic-Code: X-Unix; 77"
    text = (
        "   ----- The following addresses had permanent fatal errors -----\n<ada@post.example>\n"
        "    (reason: Insufficient permission)\n\n   ----- Transcript of session follows -----\n"
        "maildir over quota.\n550 5.0.0 <ada@post.example>... Insufficient permission\n"
    )
    assert shown(report(status, text)) == ["bounce ada@post.example soft 550 5.3.0"]


def test_a_report_without_an_action_is_of_a_delay_where_the_server_goes_on_trying() -> None:
    status = "Final-Recipient: rfc822; ada@post.example\nStatus: 4.4.1"
    assert shown(report(status, Subject="Delayed Mail (still being retried)"))[0].startswith("deferral ")
    assert shown(report(status))[0].startswith("bounce ")


def test_a_bounce_that_bounced_tells_of_the_outer_one_alone() -> None:
    inner = report(FAILED.replace("ada@", "inner@"), To="ada@post.example").decode().replace("=_b", "=_inner")
    (notice,) = notices_of([report(FAILED, returned=inner.strip(), To="postmaster@shop.example")])
    assert notice.recipient == "ada@post.example"


def test_a_notice_that_was_handed_on_without_a_word_counts() -> None:
    people = {"From": "Bob <bob@shop.example>", "Return_Path": "<bob@shop.example>", "Subject": "Fwd: Undelivered"}
    forwarded = ("message/rfc822", report(FAILED).decode().replace("=_b", "=_inner"))
    assert shown(parts(("text/plain", ""), forwarded, kind="mixed", **people)) == TOLD
    asked = (
        "Hello, we get these since yesterday whenever we write to Ada, and I do not know what they mean. Do you, Bob?"
    )
    assert shown(parts(("text/plain", asked), forwarded, kind="mixed", **people)) == ["none - - - -"]


def test_the_answer_of_the_other_server_says_more_than_what_was_made_of_it() -> None:
    told = "Final-Recipient: rfc822; ada@post.example\nAction: failed\nStatus: 5.0.0\nDiagnostic-Code: smtp; 5.1.0 - "
    notice = only(report(f"{told}Unknown address error 550-'5.2.2 <ada@post.example>... Mailbox Full'"))
    assert (notice.code, notice.enhanced_code, notice.bounce_class) == (550, "5.2.2", "soft")
    status = (
        "Final-Recipient: rfc822; ada@post.example\nAction: failed\nStatus: 5.4.7\nDiagnostic-Code: smtp; 550 timed out"
    )
    assert only(report(status)).enhanced_code == "5.4.7"


def test_the_envelope_sender_of_postfix_counts_more_than_the_author() -> None:
    message = report(FAILED).replace(
        b"\nArrival-Date", b"\nX-Postfix-Sender: rfc822; bounces+1@shop.example\nArrival-Date"
    )
    assert only(message).original.sender == "bounces+1@shop.example"
