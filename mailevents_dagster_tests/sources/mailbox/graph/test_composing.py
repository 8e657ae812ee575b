"""A message that Graph refuses as it was sent is composed of its JSON and its attachments."""

from __future__ import annotations

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.mailbox.graph.headers import attachment_headers, header_text, headers_of
from mailevents_dagster.sources.mailbox.simulator import Fault, raw_message
from mailevents_dagster_tests.sources.mailbox.graph_mailbox import Place, mail

PERSON = {"emailAddress": {"name": "김민수", "address": "minsu@fund.example"}}


def composed(here: Place, **changes: Any) -> tuple[EmailMessage, dict[str, Any]]:
    here.mailbox.add(mail(10, refused=True, **changes))
    here.collect()
    [row] = here.rows()
    with here.blobs.open(row["blob"]) as file:
        message = message_from_bytes(file.read(), policy=default)
    assert isinstance(message, EmailMessage)
    return message, row


def original(**changes: Any) -> EmailMessage:
    message = message_from_bytes(raw_message(mail(10, **changes)), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def contents(message: EmailMessage) -> list[tuple[str | None, str, Any]]:
    return [
        (part.get_filename(), part.get_content_disposition() or "", part.get_payload(decode=True))
        for part in message.iter_attachments()
        if part.get_content_type() != "message/rfc822"
    ]


@pytest.mark.parametrize(
    "form", ["plain", "both", "attached", "two of one name", "inline", "nested", "bounce", "absent"]
)
def test_what_is_composed_says_what_the_message_said(here: Place, form: str) -> None:
    message, row = composed(here, form=form)
    was = original(form=form)
    for name in ("Subject", "From", "To", "Date", "Message-ID", "Authentication-Results"):
        assert str(message[name]) == str(was[name])
    assert (row["source"], row["subject"], row["faults"]) == ("json", mail(10).subject, [])
    assert here.store.manifest is not None
    was_body, body = was.get_body(("html", "plain")), message.get_body(("html", "plain"))
    assert (body and body.get_content().split()) == (was_body and was_body.get_content().split())


def test_attachments_are_there_with_their_names_and_their_bytes(here: Place) -> None:
    message, row = composed(here, form="two of one name")
    assert contents(message) == contents(original(form="two of one name"))
    assert len({attachment["name"] for attachment in row["attachments"]}) == 1
    assert len({attachment["sha256"] for attachment in row["attachments"]}) == 2


def test_a_picture_within_the_text_stays_one(here: Place) -> None:
    _, row = composed(here, form="inline")
    [picture] = row["attachments"]
    assert (picture["inline"], picture["name"], picture["content_id"]) == (True, "로고.png", "logo@simulator")


def test_a_message_within_the_message_is_one(here: Place) -> None:
    message, _ = composed(here, form="nested")
    [inner] = [part for part in message.walk() if part.get_content_type() == "message/rfc822"]
    assert str(inner.get_payload(0)["Subject"]) == "Inner: günlük"


def test_an_attachment_that_is_refused_is_owed_and_the_rest_is_there(here: Place) -> None:
    here.simulator.faults.add(r"AAAB0=/\$value", Fault(403, code="ErrorAccessDenied"), None)
    message, row = composed(here, form="two of one name")
    assert [content != b"" for *_, content in contents(message)] == [False, True]
    assert "attachment 1" in str(row["faults"])
    here.simulator.faults.clear()
    _, done = here.collect()
    assert (done.manifest.details_owed, done.changed) == (0, 1)


@pytest.mark.usefixtures("no_waits")
def test_an_attachment_that_breaks_off_begins_the_message_anew(here: Place) -> None:
    here.simulator.faults.add(r"AAAB1=/\$value", Fault(cut=True))
    message, row = composed(here, form="two of one name")
    assert contents(message) == contents(original(form="two of one name"))
    assert row["faults"] == []


def test_headers_that_graph_does_not_know_are_made_of_its_fields() -> None:
    message = {
        "subject": "기준가\r\nBcc: evil@example.com",
        "from": PERSON,
        "sender": None,
        "toRecipients": [PERSON, PERSON],
        "sentDateTime": "2026-11-20T12:00:00Z",
        "internetMessageId": "<1@example.com>",
        "importance": "high",
        "internetMessageHeaders": None,
    }
    read = message_from_bytes(header_text(headers_of(message)), policy=default)
    assert read["Subject"] == "기준가 Bcc: evil@example.com"
    assert read["Bcc"] is None
    assert [address.display_name for address in read["To"].addresses] == ["김민수", "김민수"]
    assert read["Date"] == "Fri, 20 Nov 2026 12:00:00 +0000"
    assert (read["Message-ID"], read["Importance"], read["Sender"]) == ("<1@example.com>", "high", None)


TEXTS = st.text(max_size=300)


@given(TEXTS, TEXTS, TEXTS, st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_no_text_of_graph_adds_a_header_or_breaks_one(
    subject: str, name: str, address: str, headers: list[tuple[str, str]]
) -> None:
    person = {"emailAddress": {"name": name, "address": address}}
    written = [{"name": one, "value": other} for one, other in headers]
    message = {"subject": subject, "from": person, "toRecipients": [person], "internetMessageHeaders": written}
    made = headers_of(message)
    text = header_text([*made, ("X-Last", "1")])
    assert text.endswith(b"\r\nX-Last: 1\r\n\r\n")
    lines = text.split(b"\r\n")[:-2]
    assert sum(not line.startswith((b" ", b"\t")) for line in lines) == len(made) + 1
    assert all(b"\n" not in line and b"\r" not in line for line in lines)


@given(TEXTS, TEXTS, st.one_of(st.none(), TEXTS))
def test_no_name_of_an_attachment_adds_a_header(name: str, type_: str, content_id: str | None) -> None:
    made = attachment_headers({"name": name, "contentId": content_id, "isInline": True}, type_)
    lines = header_text(made).split(b"\r\n")[:-2]
    assert sum(not line.startswith((b" ", b"\t")) for line in lines) == len(made)
