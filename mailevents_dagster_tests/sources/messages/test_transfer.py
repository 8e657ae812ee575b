"""Transfer encodings, in blocks of any length."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.faults import Faults
from mailevents_dagster.sources.messages.transfer import decoder
from mailevents_dagster_tests.sources.messages.messages_made import in_pieces

LENGTHS = st.integers(1, 100)


def decode(name: bytes, data: bytes, length: int = 1_000) -> tuple[bytes, list[str]]:
    faults = Faults()
    decoding = decoder(name, faults)
    return b"".join([*map(decoding.decode, in_pieces(data, length)), decoding.rest()]), list(faults)


@given(st.binary(max_size=300), st.sampled_from([b"\n", b"\r\n", b"\r"]), LENGTHS)
def test_base64_is_decoded(data: bytes, end: bytes, length: int) -> None:
    assert decode(b"Base64", base64.encodebytes(data).replace(b"\n", end), length) == (data, [])


@given(st.text("ab =\t\n.é", max_size=200), LENGTHS)
def test_quoted_printable_is_decoded(text: str, length: int) -> None:
    data = quopri.encodestring(text.encode())
    assert decode(b"quoted-printable", data, length) == (text.encode(), [])
    in_crlf = data.replace(b"\n", b"\r\n")
    assert decode(b"quoted-printable", in_crlf, length) == (text.encode().replace(b"\n", b"\r\n"), [])


@given(st.binary(max_size=300), st.sampled_from([b"\n", b"\r\n"]), LENGTHS)
def test_uuencode_is_decoded(data: bytes, end: bytes, length: int) -> None:
    lines = [b"begin 644 x", *(binascii.b2a_uu(part).rstrip(b"\n") for part in in_pieces(data, 45)), b"`", b"end"]
    assert decode(b"x-uuencode", end.join(lines), length) == (data, [])


@pytest.mark.parametrize("name", [None, b"", b"7bit", b"8BIT", b" binary (a comment)"])
def test_some_encodings_change_nothing(name: bytes) -> None:
    assert decode(name, b"a\r\n=41\0") == (b"a\r\n=41\0", [])


@pytest.mark.parametrize(
    ("name", "data", "decoded", "faults"),
    [
        (b"base64", b"YW!Jj", b"abc", ["something in base64 is not"]),
        (b"base64", b"YWJjZ", b"abc", ["base64 ends too early"]),
        (b"base64", b"YWI", b"ab", ["base64 ends too early"]),
        (b"base64", b"YQ==Yg==", b"ab", ["base64 goes on behind its end"]),
        (
            b"base64",
            b"YQ==\r\n____\r\nA mailing list",
            b"a",
            ["something in base64 is not", "base64 goes on behind its end"],
        ),
        (b"base64", b"=====", b"", []),
        (b"quoted-printable", b"a =  \r\n b  \t\r\nc=zz=4 ", b"a  b\r\nc=zz=4", []),
        (b"quoted-printable", b"a=", b"a", []),
        (b"quoted-printable", b"a=\rb", b"ab", []),
        (b"uuencode", b"begin 1 x\n#86)\nend\ntext", b"ab@", []),
        (b"uuencode", b"begin 1 x\n#86)CXXXXXXX\nend", b"abc", ["a uuencoded line is not as long as it says"]),
        (b"uuencode", b"no beginning", b"", ["uuencoded content has no beginning"]),
        (b"x-yencode", b"abc", b"abc", ["a Content-Transfer-Encoding is not known"]),
    ],
)
def test_what_is_broken_is_decoded_as_far_as_it_goes(
    name: bytes, data: bytes, decoded: bytes, faults: list[str]
) -> None:
    assert decode(name, data) == (decoded, faults)


@given(st.sampled_from([b"base64", b"quoted-printable", b"uuencode"]), st.binary(max_size=200), LENGTHS)
def test_any_bytes_are_decoded(name: bytes, data: bytes, length: int) -> None:
    decode(name, b"begin 644 x\n" + data, length)
