"""Header fields that are made of properties, read by the standard library."""

from __future__ import annotations

import email
import email.policy
from email.headerregistry import Address

from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.mailbox.pst.headers import (
    addresses_field,
    encoded,
    field,
    parameter,
    sent_field,
    sent_fields,
)

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=300)


def read(head: bytes) -> email.message.EmailMessage:
    return email.message_from_bytes(head + b"\r\n", policy=email.policy.default)


@given(texts)
def test_a_subject_is_read_as_it_was(subject: str) -> None:
    head = field("Subject", subject)
    assert all(len(line) <= 998 for line in head.split(b"\r\n"))
    assert " ".join(str(read(head)["subject"]).split()) == " ".join(subject.split())


@given(st.text(max_size=200))
def test_no_text_makes_a_second_field(text: str) -> None:
    head = field("Subject", text) + addresses_field("From", [(text, text)])
    assert set(read(head).keys()) == {"Subject", "From"}
    assert not read(head).get_payload()


def test_names_and_addresses_are_read_as_they_were() -> None:
    people = [('Öz, "Ali" \\', "ali@example.com"), ("", "b@example.com"), ("Kim 김", "kim@example.com"), ("Only", "")]
    found = read(addresses_field("To", people))["to"].addresses
    assert [(one.display_name, one.addr_spec) for one in found[:3]] == people[:3]
    assert found[3].display_name == "Only"
    assert isinstance(found[0], Address)


def test_a_name_that_is_the_address_is_left_out() -> None:
    assert addresses_field("To", [("a@b.example", "a@b.example")]) == b"To: <a@b.example>\r\n"


def test_a_text_that_looks_encoded_is_encoded() -> None:
    assert read(field("Subject", "=?utf-8?B?aGFja2Vk?="))["subject"] == "=?utf-8?B?aGFja2Vk?="


def test_half_a_character_is_a_question_mark() -> None:
    assert encoded("a\ud83d") == "a?"


def test_parameters_are_read_as_they_were() -> None:
    for name in ('a"b\\c.txt', "보고서 2026.pdf", "çığ.doc"):
        found = read(f"Content-Disposition: attachment; {parameter('filename', name)}\r\n".encode())
        assert found.get_filename() == name


def test_fields_of_the_form_and_lines_that_are_no_fields_are_left_out() -> None:
    headers = (
        "Microsoft Mail Internet Headers Version 2.0\r\nReceived: from a\r\n\tby b\r\nContent-Type: text/plain;\r\n"
        " charset=x\r\nMIME-Version: 1.0\r\nSubject: S\r\n\r\nno field here\r\n of it\r\nX-After: 1"
    )
    found = sent_fields(headers)
    assert found == [("Received", " from a\r\n\tby b"), ("Subject", " S"), ("X-After", " 1")]
    assert sent_field(*found[0]) == b"Received: from a\r\n\tby b\r\n"


@given(st.text(max_size=300))
def test_whatever_stands_in_a_header_ends_before_the_text(headers: str) -> None:
    head = b"".join(sent_field(*one) for one in sent_fields(headers))
    assert b"\n\n" not in head.replace(b"\r\n", b"\n")
    assert head.count(b"\n") == head.count(b"\r\n")
