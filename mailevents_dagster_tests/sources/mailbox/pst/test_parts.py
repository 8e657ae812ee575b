"""Parts of a mail, read by the standard library."""

from __future__ import annotations

import base64
import email
import email.policy

from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.mailbox.pst.parts import Part, base64_lines, group, text_part


def read(part: Part) -> email.message.EmailMessage:
    return email.message_from_bytes(b"".join(part.written()), policy=email.policy.default)


@given(st.lists(st.binary(max_size=400), max_size=8))
def test_blocks_of_any_size_are_the_same_base64(blocks: list[bytes]) -> None:
    encoded = b"".join(base64_lines(blocks))
    assert base64.b64decode(encoded) == b"".join(blocks)
    lines = encoded.split(b"\r\n")
    assert all(len(line) == 76 for line in lines[:-2])
    assert max(map(len, lines)) <= 76


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
def test_a_text_is_read_as_it_was_but_for_its_line_ends(text: str) -> None:
    found = read(text_part("text/plain", text.encode(), "utf-8")).get_content()
    assert found.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n") == (
        text.replace("\r\n", "\n").replace("\r", "\n").rstrip("\n")
    )


def test_no_content_can_end_a_group() -> None:
    wicked = b"\r\n--=_000_mixed--\r\n--=_001_mixed\r\n"
    inner = group("mixed", [text_part("text/plain", wicked, "utf-8")], 1)
    outer = group("mixed", [text_part("text/plain", wicked, "utf-8"), inner], 0)
    first, second = read(outer).iter_parts()
    assert first.get_content().encode() == wicked
    assert [one.get_content().encode() for one in second.iter_parts()] == [wicked]


def test_korean_is_base64_and_english_can_be_read() -> None:
    assert b"base64" in text_part("text/plain", "안녕하세요".encode(), "utf-8").head
    assert b"quoted-printable" in text_part("text/plain", b"Hello", "utf-8").head
