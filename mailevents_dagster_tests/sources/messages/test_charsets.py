"""Text in the charset that is declared, in another, or in none that is said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.charsets import charset, text_of

KOREAN = ["안녕하세요 회의", "홍길동 a", "가 나", "똠방각하 펩시"]
JAPANESE = ["会議のお知らせ", "がんばれ", "東京 meeting"]
TURKISH = ["İyi günler, şubat ayı çağrısı", "ÇÖZÜM", "İSTANBUL ŞUBESİ", "çağrı", "TOPLANTI GÜNÜ ÖZET", "çay bahçe"]


@pytest.mark.parametrize(
    ("text", "written_in"),
    [
        *((text, "cp949") for text in KOREAN),
        *((text, "shift_jis") for text in JAPANESE),
        ("会議のお知らせ", "euc_jp"),
        ("テスト", "iso2022_jp"),
        ("한국", "iso2022_kr"),
        *((text, "cp1254") for text in TURKISH),
        ("café où ça", "latin-1"),
        ("Ğ€", "utf-8"),
    ],
)
@pytest.mark.parametrize("declared", [None, "us-ascii", "x-unknown", "utf-8"])
def test_text_that_is_declared_wrongly_or_not_at_all_is_read(text: str, written_in: str, declared: str | None) -> None:
    assert text_of(text.encode(written_in), declared)[0] == text


def test_what_is_declared_as_one_japanese_charset_may_be_another() -> None:
    assert text_of("このあて先".encode("euc_jp"), "iso-2022-jp") == ("このあて先", False)


@pytest.mark.parametrize(
    ("declared", "data", "text"),
    [
        ("ISO-8859-1", b"\x93caf\xe9\x94", "“café”"),
        ("iso-8859-9", "ğ€".encode("cp1254"), "ğ€"),
        ("ks_c_5601-1987", "똠".encode("cp949"), "똠"),
        ("gb2312", "镕".encode("gb18030"), "镕"),
        ('"utf-8"', "ü".encode(), "ü"),
    ],
)
def test_charsets_are_declared_by_the_name_of_a_narrower_one(declared: str, data: bytes, text: str) -> None:
    assert text_of(data, declared) == (text, True)


@pytest.mark.parametrize(
    "name", ["hex", "rot13", "zlib", "unicode_escape", "idna", "punycode", "x\0y", "x" * 99, "", "é"]
)
def test_what_is_no_charset_is_none(name: str) -> None:
    assert charset(name) is None
    assert text_of(b"a\\u0041", name)[0] == "a\\u0041"


def test_a_damaged_character_does_not_make_the_others_unreadable() -> None:
    assert text_of("é".encode() * 50 + b"\xff", "utf-8") == ("é" * 50 + "\ufffd", False)


def test_half_a_character_at_the_end_of_what_was_cut_is_left_out() -> None:
    assert text_of("가나".encode()[:-1], "utf-8", is_cut=True) == ("가", True)
    assert text_of("가나".encode("cp949")[:-1], "euc-kr", is_cut=True) == ("가", True)


@given(st.binary(max_size=200), st.sampled_from([None, "utf-7", "utf-16", "hz", "euc-kr", "iso-2022-jp", "cp037", "x"]))
def test_any_bytes_are_text_that_databases_take(data: bytes, declared: str | None) -> None:
    text, _ = text_of(data, declared)
    assert "\0" not in text
    text.encode()
