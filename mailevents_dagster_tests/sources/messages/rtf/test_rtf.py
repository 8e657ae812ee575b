"""HTML, plain text and compression in RTF."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.rtf.compression import BEGINNING, decompressed
from mailevents_dagster.sources.messages.rtf.text import packed_in, unpacked

HTML = rb"""{\rtf1\ansi\ansicpg1254\fromhtml1 \deff0{\fonttbl{\f0\fswiss Arial;}{\f1\fmodern\fcharset129 Gulim;}}
{\colortbl\red0\green0\blue0;}{\*\generator Outlook;}\uc1\pard\plain\deftab360 \f0\fs24
{\*\htmltag19 <html>}{\*\htmltag84 <b>}\htmlrtf {\b\htmlrtf0 \'fe \u8364?{\f1 \'b0\'a1}\htmlrtf }
\htmlrtf0 {\*\mhtmltag84 hidden}{\*\htmltag92 </b>}\lquote \~x\{\}\htmlrtf \par\htmlrtf0 \par
{\*\htmltag27 </html>}}"""


def test_html_comes_out_without_what_is_for_readers_of_rtf() -> None:
    assert packed_in(HTML) == "html"
    assert unpacked(HTML) == "<html><b>ş €가</b>&lsquo;&nbsp;x{}\r\n</html>"


def test_plain_text_comes_out_with_signs_instead_of_their_names() -> None:
    rtf = rb"{\rtf1\ansi\fromtext \fbidi \deff0{\fonttbl{\f0 Arial;}}\pard One\par Two\emdash\tab x\rquote y}"
    assert packed_in(rtf) == "text"
    assert unpacked(rtf) == "One\r\nTwo\u2014\tx\u2019y"


def test_rtf_of_its_own_gives_its_text_without_pictures_and_tables() -> None:
    rtf = rb"{\rtf1\ansi{\stylesheet{\s1 Heading;}}{\info{\author A}}Text{\pict\bin4 {{}}6162}{\*\x y} end\'e9}"
    assert packed_in(rtf) is None
    assert unpacked(rtf) == "Text endé"


def test_characters_beyond_the_first_plane_are_two_of_rtf() -> None:
    assert unpacked(rb"{\rtf1\ansi\fromtext\uc0 \u-10179 \u-8704 }") == "\U0001f600"


def test_half_such_a_character_is_replaced() -> None:
    assert unpacked(rb"{\rtf1\ansi\fromtext\uc0 \u-10179 x}") == "\ufffdx"


@given(st.binary(max_size=300))
def test_rubbish_gives_some_text(rubbish: bytes) -> None:
    unpacked(rubbish).encode()
    unpacked(b"{\\rtf1\\fromhtml1 " + rubbish).encode()


def packed(body: bytes, size: int, kind: bytes = b"LZFu") -> bytes:
    return struct.pack("<II4sI", len(body) + 12, size, kind, 0) + body


def test_the_example_of_the_specification_is_unpacked() -> None:
    example = bytes.fromhex(
        "2d0000002b0000004c5a4675f1c5c7a703000a007263706731323542320af32068656c090020627705b06c647d0a800fa0"  # 3.1.1
    )
    assert decompressed(example) == b"{\\rtf1\\ansi\\ansicpg1252\\pard hello world}\r\n"


def test_a_reference_can_reach_into_what_it_writes() -> None:
    end = len(BEGINNING) + 7
    body = bytes([0b10]) + b"a" + struct.pack(">H", len(BEGINNING) << 4 | 4)
    assert decompressed(packed(body, 7)) == b"a" * 7
    assert end == len(BEGINNING) + 7


def test_what_is_not_compressed_is_taken_as_it_is() -> None:
    assert decompressed(packed(b"{\\rtf1}", 7, b"MELA")) == b"{\\rtf1}"


@pytest.mark.parametrize("data", [b"", b"short", packed(b"x", 1, b"What")])
def test_what_is_no_compressed_rtf_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="head"):
        decompressed(data)


@given(st.binary(max_size=400), st.integers(0, 2**32 - 1))
def test_damaged_data_end_in_some_text_or_a_value_error(body: bytes, size: int) -> None:
    try:
        found = decompressed(packed(body, size))
    except ValueError:
        return
    assert len(found) <= 17 * len(body) + 8
