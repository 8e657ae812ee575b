"""Lists of addresses."""

from __future__ import annotations

from email.headerregistry import Address as LibraryAddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.addresses import addresses_of


def read(*values: str | bytes) -> list[tuple[str, str]]:
    raw = [value.encode() if isinstance(value, str) else value for value in values]
    return [(one.name, one.address) for one in addresses_of(raw)]


@pytest.mark.parametrize(
    ("value", "addresses"),
    [
        ("a@b.example", [("", "a@b.example")]),
        ("A B <a@b>, c@d", [("A B", "a@b"), ("", "c@d")]),
        ('"B, A" <a@b>', [("B, A", "a@b")]),
        (r'"say \"hi\"" <a@b>', [('say "hi', "a@b")]),
        ("a@b (A B)", [("A B", "a@b")]),
        ("<a@b> (A (B) C)", [("A (B) C", "a@b")]),
        ("Friends: a@b, C <c@d>;, e@f", [("", "a@b"), ("C", "c@d"), ("", "e@f")]),
        ("undisclosed-recipients:;", []),
        ("unlisted-recipients:; (no To-header on input)", []),
        ("MAILER-DAEMON <>", [("MAILER-DAEMON", "")]),
        ("a@b; c@d", [("", "a@b"), ("", "c@d")]),
        ("Doe, John <j@d>, x@y", [("Doe, John", "j@d"), ("", "x@y")]),
        ("John Smith j@d", [("John Smith", "j@d")]),
        ("root, postgres", [("", "root"), ("", "postgres")]),
        ("<Undisclosed Recipients>", [("Undisclosed Recipients", "")]),
        ('"john doe"@x.example', [("", '"john doe"@x.example')]),
        ("<@a,@b:user@c>", [("", "user@c")]),
        ("<mailto:a@b>", [("", "a@b")]),
        ("'a@b' <a@b>", [("a@b", "a@b")]),
        ("=?utf-8?q?a=2Cb?= <a@b>, =?ks_c_5601-1987?B?yKux5rW/?= <c@d>", [("a,b", "a@b"), ("홍길동", "c@d")]),
        ("=?utf-8?B?Sm9obiA8akB4LmNvbT4=?=", [("John", "j@x.com")]),
        ("", []),
        (",,;", []),
        ("<>", []),
        ('"unclosed <a@b>', [("unclosed", "a@b")]),
        ("A <a@b", [("A", "a@b")]),
        ("Ada (who is (said) to be) <ada(home)@silly.example(a host)>", [("Ada", "ada@silly.example")]),
        ("ada . lovelace @ x . example", [("", "ada.lovelace@x.example")]),
        ("John Q. Public j @ d", [("John Q. Public", "j@d")]),
        ("a@b c@d", [("", "a@b"), ("", "c@d")]),
        ("a@b <", [("", "a@b")]),
        ("a@b>", [("", "a@b")]),
        ("'a@b'", [("", "a@b")]),
        ("A \x1b[31m<a@b\x1b[0m>", [("A [31m", "a@b[0m")]),
    ],
)
def test_addresses_are_read(value: str, addresses: list[tuple[str, str]]) -> None:
    assert read(value) == addresses


def test_names_are_read_in_charsets_that_nobody_declares() -> None:
    assert read("홍길동 <a@b>".encode("cp949")) == [("홍길동", "a@b")]


def test_all_fields_of_a_name_count() -> None:
    assert read("a@b", "c@d") == [("", "a@b"), ("", "c@d")]


NAMES = st.text(
    st.characters(whitelist_categories=("Lu", "Ll", "Lo", "Nd"), max_codepoint=0xFFFF), min_size=1, max_size=20
)
LOCAL = st.text("abc0.-_+", min_size=1, max_size=10).filter(lambda text: not {"", None} & set(text.split(".")))


@given(st.lists(st.tuples(st.lists(NAMES, max_size=3).map(", ".join), LOCAL), min_size=1, max_size=5))
def test_what_the_library_writes_is_read(people: list[tuple[str, str]]) -> None:
    written = [str(LibraryAddress(name, local, "example.com")) for name, local in people]
    assert read(", ".join(written)) == [(name, f"{local}@example.com") for name, local in people]


@given(st.text('a@b.<>()",;:\\= ?Qq', max_size=60))
def test_any_text_is_a_list_of_addresses(value: str) -> None:
    assert all(name or address for name, address in read(value))
