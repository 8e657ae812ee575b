"""Lines of a chunk of bytes: where they begin and end, and that no byte of them is lost."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mailevents_dagster.sources.maillog.reading.lines import PIECE, Block, block_of
from mailevents_dagster.sources.maillog.stamps import Stamps

STAMPS = Stamps("UTC")
PIECES = st.lists(st.sampled_from([b"a", b"\n", b"\r", b"\r\n", b"\0", "ç".encode(), b"\xe7", b"\xff", b"x" * 50]))


def block(data: bytes, *, is_all: bool = True, first: int = 0) -> Block:
    return block_of(data, first, STAMPS, 5, 0.0, is_all=is_all)


@given(PIECES.map(b"".join))
@example(b"a\r\r\n\r\n\n")
@example(b"\xc3\n\xa9\n")
def test_lines_are_those_between_line_ends(data: bytes) -> None:
    expected = [
        raw[:-1] if raw.endswith(b"\r") and at < data.count(b"\n") else raw for at, raw in enumerate(data.split(b"\n"))
    ]
    found = block(data)
    texts = found.lines.texts.to_pylist()
    assert texts == [_text(raw) for raw in expected if raw]
    found.lines.texts.validate(full=True)
    assert found.end == len(data)
    assert found.not_utf8 == sum(_text(raw) != raw.decode("utf-8", "replace") for raw in expected)


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")


@given(PIECES.map(b"".join), st.integers(0, 10**12))
def test_each_byte_is_that_of_one_line_or_of_a_blank_one(data: bytes, first: int) -> None:
    found = block(data, first=first)
    for start, end, text in zip(found.starts, found.ends, found.lines.texts.to_pylist(), strict=True):
        raw = data[start - first : end - first]
        assert _text(raw.removesuffix(b"\n").removesuffix(b"\r") if raw.endswith(b"\n") else raw) == text
    inside = sum((found.ends - found.starts).tolist())
    assert len(data) - inside == sum(len(raw) + 1 for raw in data.split(b"\n")[:-1] if raw in (b"", b"\r"))


@given(PIECES.map(b"".join))
def test_what_follows_the_last_line_end_is_left_for_later_while_more_may_come(data: bytes) -> None:
    found = block(data, is_all=False)
    assert found.end == data.rfind(b"\n") + 1
    rest = block(data[found.end :], first=found.end)
    assert found.lines.texts.to_pylist() + rest.lines.texts.to_pylist() == block(data).lines.texts.to_pylist()


@pytest.mark.slow
@given(st.integers(PIECE - 2, PIECE + 2), st.sampled_from([b"\n", b"\r\n"]), st.integers(1, 3))
def test_a_long_line_is_cut_alike_whether_it_comes_at_once_or_not(length: int, end: bytes, times: int) -> None:
    data = b"x" * (length * times) + end
    whole = block(data)
    early = block(data[: -len(end)], is_all=False)
    late = block(data[early.end :], first=early.end)
    assert [*early.ends, *late.ends] == [*whole.ends]
    assert max(len(text) for text in whole.lines.texts.to_pylist()) <= PIECE
    assert sum(len(text) for text in whole.lines.texts.to_pylist()) == length * times
