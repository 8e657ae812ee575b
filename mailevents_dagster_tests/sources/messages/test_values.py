"""Values of header fields."""

from __future__ import annotations

from email.header import Header

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.values import ids_of, seconds_of, text_value


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b" plain  text ", "plain text"),
        (b"a =?utf-8?q?b_c?= d", "a b c d"),
        (b"=?utf-8?B?4oI=?= =?utf-8?B?rA==?=", "€"),
        (b"=?utf-8?B?4oKs?==?utf-8?Q?=E2=82=AC?=", "€€"),
        (b"=?ISO-2022-JP?B?GyRCRnxLXDhsGyhC?=", "日本語"),
        (b"=?utf-8*en?q?x?=", "x"),
        (b"=?utf-8?Q?what??=", "what?"),
        (b"=?utf-8?Q?=E4?=", "ä"),
        (b"=?x-none?q?a?=", "a"),
        (b"=?utf-8?q?a=0D=0ABcc:_x?=", "a Bcc: x"),
        (b"=?utf-8?B?YQ", "=?utf-8?B?YQ"),
        (b"=?", "=?"),
        ("Toplantı".encode("cp1254"), "Toplantı"),
        (b"\x1b[31mred", "[31mred"),
    ],
)
def test_encoded_words_are_decoded(raw: bytes, text: str) -> None:
    assert text_value(raw) == text


@given(st.text(st.characters(blacklist_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=80))
def test_what_the_library_encodes_is_decoded(text: str) -> None:
    assert text_value(Header(text, "utf-8", header_name="Subject").encode().encode()) == text


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Mon, 20 Sep 2021 21:29:21 +0900", 1632140961),
        ("Mon, 20 Sep 2021 21:29:21 +0200 (CEST)", 1632166161),
        ("Wed, 20 Sep 1995 00:19:00 (EDT) -0400", 811570740),
        ("20 Sep 21 21:29:21 UT", 1632173361),
        ("Mon, 20 Sep 2021 21:29:21 GMT", 1632173361),
        ("Mon, 20 Sep 2021 21:29:21 -0000", 1632173361),
        ("Thu, 8 Mar 2005 17:40:36 EDT", 1110318036),
        ('Mon, 20 Sep 2021 21:29:21 "GMT"', 1632173361),
        ("Mon,20 Sep 2021 21 : 29 :21 GMT", 1632173361),
        ("2021-09-20T21:29:21+09:00", 1632140961),
        ("2021-09-20 12:29:21Z", 1632140961),
    ],
)
def test_dates_are_read(date: str, seconds: int) -> None:
    assert seconds_of(date.encode()) == seconds


@pytest.mark.parametrize(
    "date",
    [
        "",
        "-0000",
        "nonsense +0000",
        "Mon, 20 Sep 2021 21:29:21",
        "Mon, 20 Sep 2021 21:29:21 CEST",
        "Mon, 31 Feb 2021 21:29:21 +0000",
        "2021-09-20T21:29:21",
        "2021-02-31T21:29:21Z",
        "0001-01-01T00:00:00+14:00",
        "20 Sep 2021 21:29:21 GMT+3",
        "Mon, 20 Sep 2021 21:29:21 +9900",
        "Mon, 20 Sep 99999 21:29:21 +0000",
        "Mon, 20 Sep 1021 21:29:21 +0000",
        "Mon, 99 Sep 2021 99:99:99 +0000" * 50,
    ],
)
def test_a_date_that_does_not_say_when_is_none(date: str) -> None:
    assert seconds_of(date.encode()) is None


@given(st.binary(max_size=100))
def test_any_bytes_are_a_date_or_none(raw: bytes) -> None:
    assert seconds_of(raw + b" +0100") is None or isinstance(seconds_of(raw + b" +0100"), int)


@pytest.mark.parametrize(
    ("raw", "ids"),
    [
        (b"<a@b> (c)\r\n <d@e>", ("a@b", "d@e")),
        (b"<a-long-\r\n one@b> <d@e>", ("a-long-one@b", "d@e")),
        (b"a@b", ("a@b",)),
        (b"", ()),
        (None, ()),
    ],
)
def test_ids_are_told_without_brackets(raw: bytes | None, ids: tuple[str, ...]) -> None:
    assert ids_of(raw) == ids
