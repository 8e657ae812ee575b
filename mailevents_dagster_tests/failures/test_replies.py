"""Codes in the words of mail servers, and numbers that are none."""

from __future__ import annotations

import pytest

from mailevents_dagster.failures.replies import reply_in


@pytest.mark.parametrize(
    ("text", "code", "enhanced"),
    [
        ("550 5.1.1 <a@b.example>... User Unknown", 550, "5.1.1"),
        ("550-5.7.26 This mail\n550 5.7.26 is unauthenticated", 550, "5.7.26"),
        ("host mx.b.example[192.0.2.1] said: 452 4.2.2 full (in reply to RCPT TO command)", 452, "4.2.2"),
        ("most progress was RCPT TO response; remote host 192.0.2.1 said: 550 no (#5.5.0)", 550, "5.5.0"),
        ("5.1.0 - Unknown address error 550-'5.2.2 <a@b.example>... Mailbox Full'", 550, "5.2.2"),
        ("Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'", 550, "5.1.10"),
        ("554 <a@b.example>... 550 Host unknown (Authoritative answer from name server)", 550, None),
        ("550 550 5.2.2 <a@b.example>... Mailbox Full (state 14)", 550, "5.2.2"),
        ("#550 5.7.1 RESOLVER.RST.AuthRequired", 550, "5.7.1"),
        ("It responded as follows: [550 5.1.1 User Unknown]", 550, "5.1.1"),
        ("ERROR_CODE :550, ERROR_CODE :5.1.1 <a@b.example>... User Unknown", 550, "5.1.1"),
        ("ResponseCode 421, , Host not reachable.", 421, None),
        ("[192.0.2.1], 554 Service currently unavailable", 554, None),
        ("554-mail.example ESMTP not available", 554, None),
        ("Sorry, I couldn't find any host named b.example. (#5.1.2)", None, "5.1.2"),
        ("550 4.4.7 QUEUE.Expired; message expired", 550, "4.4.7"),
        ("smtp;550 5.0.0 no; see 5.7.1 in our list", 550, "5.0.0"),
        ("host mx.b.example[192.0.2.1] said: 550 Recipient is unknown here", 550, None),
        ("554 Message refused", 554, None),
        ("550 Messages from c.example are not wanted", 550, None),
    ],
)
def test_a_text_quotes_an_answer(text: str, code: int | None, enhanced: str | None) -> None:
    reply = reply_in(text)
    assert (reply.code, reply.enhanced) == (code, enhanced)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "delivered 550 bytes, giving up",
        "size limit: 450 KB",
        "tried for: 500 hours",
        "daily limit: 500 messages, 450 recipients",
        "host 5.1.1.2 (version 5.1.1.4) went away",
        "call (212) 555 0100",
        "at 5:50 on 5.1.1999",
        "ticket:55012",
        "error 1550: no",
        "[TCP|192.0.2.1|465|x] 4.72.1x",
    ],
)
def test_other_numbers_are_no_codes(text: str) -> None:
    reply = reply_in(text)
    assert (reply.code, reply.enhanced) == (None, None)
