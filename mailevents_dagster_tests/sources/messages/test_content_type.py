"""Media types, dispositions and their parameters."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.content_type import media_type, parameterised


@pytest.mark.parametrize(
    ("value", "parameters"),
    [
        ("attachment; filename=a b.pdf", {"filename": "a b.pdf"}),
        (r'attachment; filename="a;b\"c.pdf"; x=1', {"filename": 'a;b"c.pdf', "x": "1"}),
        (r'attachment; filename="C:\a\b.txt"', {"filename": r"C:\a\b.txt"}),
        ("attachment; filename*0*=UTF-8''%e2%82; filename*1*=%ac.pdf", {"filename": "€.pdf"}),
        ("attachment; filename*1*=%20b; filename*0*=cp949''%C8%AB", {"filename": "홍 b"}),
        ('attachment; filename*0="a"; filename*1="b.pdf"', {"filename": "ab.pdf"}),
        ("attachment; filename*=%41.txt", {"filename": "A.txt"}),
        ("attachment; filename*=iso-8859-9'tr'%FE.txt; filename=_.txt", {"filename": "ş.txt"}),
        ("attachment; filename=_.txt; filename*=UTF-8''%C5%9F.txt", {"filename": "ş.txt"}),
        ('attachment; filename="=?utf-8?B?4oKs?=.pdf"', {"filename": "€.pdf"}),
        ("text/plain charset=utf-8; name=x", {"charset": "utf-8", "name": "x"}),
        ('text/plain; charset="utf-8', {"charset": "utf-8"}),
        ('text/plain;;; Charset = "x" ;', {"charset": "x"}),
        ("text/plain; charset=us-ascii (plain text)", {"charset": "us-ascii"}),
        ("text/plain; =x; name", {}),
        ("", {}),
        (";", {}),
    ],
)
def test_parameters_are_read(value: str, parameters: dict[str, str]) -> None:
    assert parameterised(value.encode()).parameters == parameters


def test_names_are_read_in_charsets_that_nobody_declares() -> None:
    assert parameterised("x/y; name=홍길동.pdf".encode("cp949")).get("name") == "홍길동.pdf"


def test_the_value_is_in_small_letters() -> None:
    assert parameterised(b" Text/HTML; a=B").value == "text/html"
    assert parameterised(None).value == ""


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        ("image/png", ("image/png", True)),
        ("", ("text/plain", True)),
        ("text", ("text/plain", False)),
        ("multipart", ("multipart/mixed", False)),
        ("application-x-gzip", ("application/octet-stream", False)),
        ("a/b/c", ("application/octet-stream", False)),
        ("text/a/b", ("text/plain", False)),
    ],
)
def test_what_is_no_media_type_becomes_one(value: str, type_: tuple[str, bool]) -> None:
    assert media_type(value, "text/plain") == type_


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zl", "Zp", "Zs")), min_size=1, max_size=80))
def test_what_the_library_writes_is_read(name: str) -> None:
    message = EmailMessage()
    message.add_header("Content-Disposition", "attachment", filename=name)
    raw = message.as_bytes().split(b":", 1)[1].replace(b"\n", b"")
    assert parameterised(raw).get("filename") == name


@given(st.binary(max_size=80))
def test_any_bytes_are_a_value_with_parameters(raw: bytes) -> None:
    for value in parameterised(b"a; filename*0*=x''%" + raw).parameters.values():
        value.encode()
