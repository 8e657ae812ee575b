"""What reports are packed in: zip, gzip, and mails of every kind."""

from __future__ import annotations

import base64
import quopri

import pytest

from mailevents_dagster.deliverability.reports.values import Aggregate, Broken
from mailevents_dagster_tests.deliverability.reports.samples import (
    METADATA,
    aggregate,
    connections,
    gzipped,
    kinds,
    one_aggregate,
    one_tls,
    read,
    record,
    why,
    zipped,
)

NAME = "receiver.example!example.com!1795132800!1795219199"


def mail(*parts: str, head: str = 'Content-Type: multipart/mixed; boundary="b"') -> bytes:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return (
        "From: dmarc@receiver.example\r\nTo: reports@example.com\r\nMessage-ID: <1@receiver.example>\r\n"
        f"Subject: Report Domain: example.com\r\nMIME-Version: 1.0\r\n{head}\r\n\r\n{body}"
    ).encode()


def part(content: bytes, head: str) -> str:
    encoded = base64.encodebytes(content).decode().replace("\n", "\r\n")
    return f"{head}\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}"


TEXT = "Content-Type: text/plain\r\n\r\nThis is an aggregate report."
PICTURE = part(b"\x89PNG\r\n\x1a\n", 'Content-Type: image/png; name="logo.png"')


@pytest.mark.parametrize(
    "content",
    [
        aggregate(),
        gzipped(aggregate()),
        zipped(("a.xml", aggregate())),
        gzipped(zipped(("a.xml", aggregate()))),
        zipped(("a.xml.gz", gzipped(aggregate()))),
        gzipped(gzipped(aggregate())),
        gzipped(aggregate()) + bytes(512),
        gzipped(aggregate()[:100]) + gzipped(aggregate()[100:]),
        zipped(("readme.txt", b"see the report"), ("a.xml", aggregate())),
    ],
    ids=["xml", "gz", "zip", "gz-of-zip", "zip-of-gz", "gz-of-gz", "padded", "members", "beside"],
)
def test_a_report_is_unpacked(content: bytes) -> None:
    assert one_aggregate(content).domain == "example.com"


def test_every_report_of_a_zip_file_is_read_and_named() -> None:
    other = aggregate(metadata=METADATA.replace(".1<", ".2<"))
    found = read(zipped(("a.xml", aggregate()), ("b.xml", other), ("c.json", connections())), "all.zip")
    assert kinds(found) == ["dmarc-aggregate", "dmarc-aggregate", "tls"]
    assert [report.file for report in found] == ["all.zip/a.xml", "all.zip/b.xml", "all.zip/c.json"]


def test_a_broken_report_beside_whole_ones_is_named() -> None:
    found = read(zipped(("a.xml", b"<feedback><"), ("b.xml", aggregate())), "all.zip")
    assert kinds(found) == ["broken", "dmarc-aggregate"]
    assert found[0].file == "all.zip/a.xml"


def test_what_came_before_the_place_where_a_gzip_file_breaks_off_is_kept() -> None:
    content = aggregate(*(record(f"10.0.{n // 200}.{n % 200}", n) for n in range(2_000)))
    packed = gzipped(content)
    report = one_aggregate(packed[: len(packed) // 2])
    assert 500 < len(report.records) < 1_500
    assert report.left_out
    assert "packing is damaged" in why(packed[:40])


def test_a_wrong_checksum_behind_a_whole_report_is_said() -> None:
    packed = bytearray(gzipped(aggregate()))
    packed[-8] ^= 1
    report = one_aggregate(bytes(packed))
    assert len(report.records) == 1
    assert "packing is damaged" in report.faults[0]


@pytest.mark.parametrize(
    "head",
    [
        f'Content-Type: application/gzip; name="{NAME}.xml.gz"\r\nContent-Disposition: attachment; filename="{NAME}"',
        f"Content-Type: application/octet-stream\r\nContent-Disposition: attachment; filename={NAME}.xml.gz",
        "Content-Type: application/x-gzip",
        "Content-Type: image/jpeg",
        "Content-Type: nonsense",
        "Content-Disposition: attachment;\r\n filename*0*=UTF-8''receiver%2E;\r\n filename*1*=%21example.com.xml.gz",
        "Content-Disposition: inline; filename==?utf-8?B?YS54bWwuZ3o=?=",
    ],
    ids=["right", "octets", "old", "wrong", "nonsense", "rfc2231", "rfc2047"],
)
@pytest.mark.parametrize("packed", [gzipped(aggregate()), zipped(("a.xml", aggregate()))], ids=["gz", "zip"])
def test_an_attachment_is_a_report_by_its_content(head: str, packed: bytes) -> None:
    assert one_aggregate(mail(TEXT, PICTURE, part(packed, head))).domain == "example.com"


def test_a_report_may_be_the_whole_body() -> None:
    for type_, content in (("application/zip", zipped(("a.xml", aggregate()))), ("text/xml", aggregate())):
        encoded = base64.encodebytes(content).decode()
        head = f"Subject: Report Domain: example.com\nContent-Type: {type_}; name=a\nContent-Transfer-Encoding: base64"
        assert one_aggregate(f"{head}\n\n{encoded}".encode()).domain == "example.com"


def test_a_report_may_be_the_text_of_a_mail() -> None:
    named = aggregate(metadata=METADATA.replace("Receiver Inc.", "Müller")).decode()
    latin = quopri.encodestring(named.encode("latin-1")).decode()
    head = "Subject: x\nContent-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable"
    assert one_aggregate(f"{head}\n\nHere it is:\n\n{latin}".encode()).metadata["org_name"] == "Müller"


def test_a_packed_report_may_be_called_text() -> None:
    for packed in (gzipped(aggregate()), zipped(("a.xml", aggregate()))):
        encoded = base64.encodebytes(packed).decode()
        whole = f"Subject: x\nContent-Type: text/plain\nContent-Transfer-Encoding: base64\n\n{encoded}"
        assert one_aggregate(whole.encode()).domain == "example.com"
        assert one_aggregate(mail(part(packed, "Content-Type: text/plain"))).domain == "example.com"


def test_a_mail_that_was_forwarded_as_an_attachment_is_looked_into() -> None:
    inner = mail(TEXT, part(gzipped(aggregate()), "Content-Type: application/gzip"))
    forwarded = mail(TEXT, "Content-Type: message/rfc822\r\n\r\n" + inner.decode())
    assert one_aggregate(forwarded).domain == "example.com"
    for _ in range(3):
        forwarded = mail("Content-Type: message/rfc822\r\n\r\n" + forwarded.decode().replace("--b", "--bb"))
    assert len(read(forwarded)) == 1


def test_mails_in_mails_end() -> None:
    content = gzipped(aggregate())
    for _ in range(8):
        content = b"Subject: x\nContent-Type: application/octet-stream; name=x\n\n" + content
    assert "mails are packed in each other" in why(content)


def test_several_reports_of_a_mail_are_read() -> None:
    other = aggregate(metadata=METADATA.replace(".1<", ".2<"))
    found = read(mail(TEXT, *(part(content, "Content-Type: application/xml") for content in (aggregate(), other))))
    assert kinds(found) == ["dmarc-aggregate", "dmarc-aggregate"]
    assert len({one.key for one in found if isinstance(one, Aggregate)}) == 2


def test_a_broken_attachment_is_named() -> None:
    (found,) = read(mail(TEXT, part(b"PK\x03\x04garbage", 'Content-Type: application/zip; name="a.zip"')), "1.eml")
    assert found == Broken("1.eml/a.zip", "it is no whole zip file: its end is missing")


def test_a_mail_without_a_report_is_something_else() -> None:
    document = zipped(
        ("[Content_Types].xml", b"<?xml version='1.0'?><Types/>"), ("word/document.xml", b"<w:document/>")
    )
    page = b'<!DOCTYPE html PUBLIC "-//W3C//DTD HTML 4.01//EN" "http://www.w3.org/TR/html4/strict.dtd"><html><p>'
    letter = mail(
        "Content-Type: text/plain\r\n\r\n{Hello}, see <http://example.com>.",
        PICTURE,
        part(document, 'Content-Type: application/octet-stream; name="letter.docx"'),
        part(page, 'Content-Type: text/html; name="page.html"'),
        part(rb"{\rtf1 hello}", 'Content-Type: application/rtf; name="a.rtf"'),
    )
    assert read(letter, "1.eml") == [Broken("1.eml", "a mail without a report", is_something_else=True)]


def test_a_tls_report_comes_as_a_report_of_its_own_type() -> None:
    head = 'Content-Type: multipart/report; report-type="tlsrpt"; boundary="b"'
    for content, type_ in ((gzipped(connections()), "tlsrpt+gzip"), (connections(), "tlsrpt+json")):
        found = one_tls(mail(TEXT, part(content, f"Content-Type: application/{type_}"), head=head))
        assert found.metadata["report_id"] == "tls-1"


def test_other_files_are_said_to_be_so() -> None:
    assert why(b"") == "it is empty"
    assert why(b"hello world\n") == "neither XML, JSON, zip, gzip nor a mail"
    assert why(b"<html><body/></html>") == "no DMARC report: its root is <html> and not <feedback>"
    assert why(b'{"a": 1}') == "JSON, but no report of connections: it has no list of policies"
    assert why(zipped()) == "it is a zip file with nothing in it"


@pytest.mark.parametrize("packed", [gzipped(aggregate()), zipped(("a.xml", aggregate())), aggregate()])
def test_base64_that_is_not_declared_is_undone(packed: bytes) -> None:
    encoded = base64.encodebytes(packed).decode().replace("\n", "\r\n")
    head = "Content-Type: application/gzip\r\nContent-Transfer-Encoding: {}\r\n\r\n"
    assert one_aggregate(mail(TEXT, "Content-Type: application/gzip\r\n\r\n" + encoded)).domain == "example.com"
    assert one_aggregate(mail(TEXT, head.format("base-64") + encoded)).domain == "example.com"
    footer = "\r\n-- \r\nthe list of reports\r\n"
    assert one_aggregate(mail(TEXT, head.format("7bit") + encoded + footer)).domain == "example.com"


def test_xml_that_is_called_base64_is_read() -> None:
    head = "Content-Type: text/xml\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    assert one_aggregate(mail(TEXT, head + aggregate().decode())).domain == "example.com"


def test_that_not_all_attachments_are_looked_into_is_said() -> None:
    found = read(mail(*[PICTURE] * 200, part(gzipped(aggregate()), "Content-Type: application/gzip")), "1.eml")
    assert found == [Broken("1.eml", "it has more than 200 attachments: the rest is not looked into")]


@pytest.mark.parametrize("content", [b"", b"garbage"])
def test_what_is_named_as_a_report_and_is_none_is_broken(content: bytes) -> None:
    (found,) = read(mail(TEXT, part(content, f'Content-Type: application/gzip; name="{NAME}.xml.gz"')), "1.eml")
    assert isinstance(found, Broken)
    assert found.why.startswith("it is named as a report: ")
    assert not found.is_something_else


def test_a_report_of_connections_may_be_a_text_behind_another() -> None:
    whole = mail(TEXT, "Content-Type: text/plain\r\n\r\n" + connections().decode())
    assert one_tls(whole).metadata["report_id"] == "tls-1"
