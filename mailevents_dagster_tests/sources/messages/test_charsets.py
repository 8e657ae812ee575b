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


@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252", "iso-8859-9", "koi8-r"])
def test_utf_8_is_read_whatever_charset_of_single_bytes_is_declared(declared: str) -> None:
    assert text_of("Grüße, şubat ayı".encode(), declared) == ("Grüße, şubat ayı", False)


@pytest.mark.parametrize("text", ["Sayın müşterimiz, şubat ayı ödemesi", "Iğdır", "İstanbul'dan yıllık", "ÇIKIŞ"])
@pytest.mark.parametrize("declared", ["iso-8859-1", "windows-1252"])
def test_turkish_that_is_declared_as_western_is_read(text: str, declared: str) -> None:
    assert text_of(text.encode("cp1254"), declared) == (text, False)


@pytest.mark.parametrize(
    "text", ["Ég þakka þér, nýtt blað", "café où ça", "Þór Sigurðsson", "Wyrównanie ý", "ação, coração"]
)
def test_what_may_be_western_stays_so(text: str) -> None:
    assert text_of(text.encode("latin-1", "ignore"), "iso-8859-1")[0] == text.encode("latin-1", "ignore").decode(
        "latin-1"
    )


def test_korean_that_is_declared_as_western_is_read() -> None:
    assert text_of("안녕하세요, 첨부 파일을".encode("cp949"), "iso-8859-1") == ("안녕하세요, 첨부 파일을", False)


def test_charsets_that_switch_are_told_by_their_escapes() -> None:
    assert text_of("한국".encode("iso2022_kr"), "euc-kr") == ("한국", False)
    assert text_of("会議".encode("iso2022_jp"), "iso-8859-1") == ("会議", False)
    assert text_of("\u9b1c".encode("iso2022_jp_2004"), "iso-2022-jp-2004") == ("\u9b1c", True)


def test_the_japanese_of_windows_has_characters_of_its_own() -> None:
    assert text_of(b'\x1b$B-!|b$"\x1b(B 1 \x1b(I12\x1b(B', "iso-2022-jp") == ("①髙あ 1 ｱｲ", True)


@pytest.mark.parametrize("charset_", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("declared", [None, "iso-8859-1", "utf-16", "us-ascii"])
def test_a_mark_tells_the_charset_and_is_no_text(charset_: str, declared: str | None) -> None:
    assert text_of("Şubat".encode(charset_), declared) == ("Şubat", True)


@pytest.mark.parametrize(
    ("name", "charset_"),
    [("windows-31j", "cp932"), ("x-gbk", "gb18030"), ("x-euc-jp", "euc_jp"), ("cp50220", "iso2022_jp")],
)
def test_charsets_have_other_names(name: str, charset_: str) -> None:
    assert text_of("漢字".encode(charset_), name) == ("漢字", True)
