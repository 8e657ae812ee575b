"""Names of attachments as names of files."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.names import made_name, safe_name


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("a b.pdf", "a b.pdf"),
        ("fon raporu ş.pdf", "fon raporu ş.pdf"),
        ("../../etc/passwd", "passwd"),
        (r"C:\x\y.txt", "y.txt"),
        ("con", "_con"),
        ("CON.txt", "_CON.txt"),
        ("nul .tar.gz", "_nul .tar.gz"),
        ("com1", "_com1"),
        ("com¹.x", "_com¹.x"),
        ("a. . ", "a"),
        ('a:b?*<>|".txt', "a_b______.txt"),
        ("a\u202egpj.exe", "a_gpj.exe"),
        ("a\0\x1b\n.txt", "a___.txt"),
        ("\ud800.txt", "_.txt"),
        ("e\u0301.txt", "é.txt"),
        ("..", ""),
        ("a/", ""),
        ("", ""),
        ("con" + " " * 300 + "x", "_con"),
    ],
)
def test_names_are_safe(name: str, safe: str) -> None:
    assert safe_name(name) == safe


def test_a_long_name_keeps_its_suffix() -> None:
    assert safe_name("한" * 100 + ".hwp") == "한" * 48 + ".hwp"
    assert safe_name("x." + "y" * 300) == "x." + "y" * 148


@given(st.text(max_size=200) | st.text('con.prn/\\ :"', max_size=200))
def test_any_name_is_safe_and_stays_as_it_is_the_second_time(name: str) -> None:
    safe = safe_name(name)
    assert safe_name(safe) == safe
    assert len(safe.encode()) <= 150
    assert not re.search(r'[<>:"/\\|?*\0-\x1f]', safe)
    assert not safe.endswith((".", " "))
    assert not re.fullmatch(r"(con|prn|aux|nul|com\d|lpt\d)\s*(\..*)?", safe, re.IGNORECASE)


@pytest.mark.parametrize(
    ("made", "name"),
    [
        (made_name(1, "application/pdf"), "attachment-1.pdf"),
        (made_name(2, "x/unknown"), "attachment-2.bin"),
        (made_name(3, "message/rfc822", "Re: a/b"), "Re_ a_b.eml"),
        (made_name(4, "message/rfc822", "../"), ".._.eml"),
        (made_name(5, "message/rfc822", " . "), "attachment-5.eml"),
        (made_name(6, "image/jpeg"), "attachment-6.jpg"),
    ],
)
def test_what_has_no_name_gets_one(made: str, name: str) -> None:
    assert made == name
