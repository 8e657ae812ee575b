"""Charsets of reports, and text that no parser takes."""

from __future__ import annotations

import codecs

import pytest

from mailevents_dagster.deliverability.reports import xml_text
from mailevents_dagster.deliverability.reports.values import Broken
from mailevents_dagster_tests.deliverability.reports.samples import (
    METADATA,
    aggregate,
    one_aggregate,
    read,
    record,
    why,
)

NAMED = METADATA.replace("Receiver Inc.", "Müller GmbH")


def encoded(charset: str, declared: str | None = None) -> bytes:
    text = aggregate(metadata=NAMED).decode().replace("UTF-8", declared or charset)
    return text.encode(charset)


@pytest.mark.parametrize(
    "content",
    [
        encoded("utf-8"),
        codecs.BOM_UTF8 + encoded("utf-8"),
        codecs.BOM_UTF8 + encoded("utf-8", "iso-8859-1"),
        encoded("iso-8859-1"),
        encoded("windows-1252"),
        encoded("utf-16"),
        encoded("utf-16-le", "utf-16"),
        codecs.BOM_UTF16_BE + encoded("utf-16-be", "utf-16"),
        encoded("utf-32", "UTF-32"),
        aggregate(metadata=NAMED).replace(b"UTF-8", b"utf-16"),
        b"\r\n\r\n  " + encoded("utf-8"),
        encoded("utf-8").replace(b'<?xml version="1.0" encoding="utf-8"?>', b""),
    ],
    ids=["utf8", "mark", "mark-wins", "latin1", "1252", "utf16", "le", "be", "utf32", "lie", "blank", "none"],
)
def test_the_charset_is_found(content: bytes) -> None:
    report = one_aggregate(content)
    assert report.metadata["org_name"] == "Müller GmbH"
    assert report.faults == ()


def test_bytes_that_the_charset_does_not_have_are_replaced_and_said() -> None:
    report = one_aggregate(encoded("iso-8859-1", "utf-8"))
    assert report.metadata["org_name"] == "M\ufffdller GmbH"
    assert len(report.records) == 1
    assert report.faults == ("characters that its charset does not have are replaced",)
    assert report.left_out == ()


@pytest.mark.parametrize("name", ["no-such-charset", "base64", "rot13", "punycode", "idna"])
def test_a_charset_that_is_none_is_said(name: str) -> None:
    report = one_aggregate(aggregate().replace(b"UTF-8", name.encode()))
    assert report.metadata["report_id"] == "2026-11-20.1"
    assert report.faults == ("its charset is not known: read as UTF-8",)


def test_junk_before_the_beginning_is_left_out_and_said() -> None:
    report = one_aggregate(b"\0\0garbage " + aggregate())
    assert len(report.records) == 1
    assert report.faults == ("something stands before its beginning",)


def test_what_stands_before_the_declaration_is_left_out_and_said() -> None:
    for before in (b"<!-- made by hand -->\n", b'<?xml version="1.0"?>\n', b"<junk>"):
        report = one_aggregate(before + aggregate())
        assert len(report.records) == 1
        assert report.faults == ("something stands before its beginning",)


def test_a_less_than_sign_of_its_own_is_text() -> None:
    report = one_aggregate(aggregate(metadata=METADATA.replace("Receiver Inc.", "A < B <3 C")))
    assert report.metadata["org_name"] == "A < B <3 C"
    assert report.faults == ("`<` stands where `&lt;` should",)


def test_an_ampersand_of_its_own_is_text() -> None:
    metadata = METADATA.replace(
        "<report_id>", "<extra_contact_info>https://x.example/?a=1&b=2&c</extra_contact_info><report_id>"
    )
    metadata = metadata.replace("Receiver Inc.", "A &amp; B &#67;")
    report = one_aggregate(aggregate(metadata=metadata))
    assert report.metadata["extra_contact_info"] == "https://x.example/?a=1&b=2&c"
    assert report.metadata["org_name"] == "A & B C"
    assert report.faults == ("`&` stands where `&amp;` should",)


def test_an_ampersand_at_the_seam_of_two_blocks_is_not_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xml_text, "_BLOCK", 61)
    for shift in range(61):
        content = aggregate("<!--" + "x" * shift + "-->", record(more="<note>a & b &amp; c < d</note>"))
        noted = [found for found in one_aggregate(content).records if found["extension"]]
        assert [found["extension"] for found in noted] == [{"note": "a & b & c < d"}]


def test_control_characters_are_replaced_and_said() -> None:
    report = one_aggregate(aggregate(metadata=METADATA.replace("Inc.", "\x0b\x01")))
    assert report.metadata["org_name"] == "Receiver \ufffd\ufffd"
    assert report.faults == ("control characters are replaced",)


def test_a_cdata_section_is_text() -> None:
    report = one_aggregate(aggregate(metadata=METADATA.replace("Receiver Inc.", "<![CDATA[A & <B>]]>")))
    assert report.metadata["org_name"] == "A & <B>"


def test_markup_that_is_none_makes_a_report_broken() -> None:
    assert why(aggregate(metadata=METADATA.replace("dmarc@", "<dmarc@"))).startswith("line 5, column ")


@pytest.mark.parametrize("charset", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_a_wide_charset_needs_neither_mark_nor_declaration(charset: str) -> None:
    report = one_aggregate(aggregate().decode().partition("\n")[2].encode(charset))
    assert (report.domain, report.faults) == ("example.com", ())


@pytest.mark.parametrize("number", ["&#27;", "&#x1B;", "&#xD800;", "&#9999999;"])
def test_the_number_of_no_character_is_replaced_and_said(number: str) -> None:
    report = one_aggregate(aggregate(metadata=METADATA.replace("Inc.", f"Inc{number}")))
    assert report.metadata["org_name"] == "Receiver Inc\ufffd"
    assert report.faults == ("control characters are replaced",)


def test_a_report_may_stand_in_another_element() -> None:
    text = aggregate().replace(b"<feedback>", b"<xs:schema xmlns:xs='urn:x'><feedback>")
    for whole in (text, text + b"</xs:schema>"):
        report = one_aggregate(whole)
        assert [found["count"] for found in report.records] == [3]
        assert "it stands in another element" in report.faults


def test_what_names_a_report_and_cannot_be_read_is_broken() -> None:
    (report,) = read(aggregate().replace(b"<feedback>", b"<feedback version=1>"))
    assert isinstance(report, Broken)
    assert not report.is_something_else


def test_a_schema_that_begins_and_does_not_end_takes_nothing_from_a_report() -> None:
    opening = b"<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:x'>"
    for whole in (
        aggregate().replace(b"<feedback>", opening + b"<feedback>"),
        aggregate().replace(b"<feedback>", b"<feedback>" + opening),
    ):
        report = one_aggregate(whole)
        assert (report.domain, [found["count"] for found in report.records]) == ("example.com", [3])
        assert report.left_out == ()
