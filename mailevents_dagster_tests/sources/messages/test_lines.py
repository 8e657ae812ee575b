"""Bytes as lines and blocks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.messages.lines import LONGEST_MARK, WINDOW, Lines
from mailevents_dagster_tests.sources.messages.messages_made import in_pieces

DATA = st.text("a-\r\n ", max_size=300).map(str.encode)


def all_lines(data: bytes, length: int) -> list[bytes]:
    lines = Lines(in_pieces(data, length))
    return list(iter(lines.line, b""))


@given(DATA, st.integers(1, 50))
def test_lines_are_those_of_the_bytes_however_they_come(data: bytes, length: int) -> None:
    end = b"\n" if b"\n" in data or b"\r" not in data else b"\r"
    assert all_lines(data, length) == [line + end for line in data.split(end)[:-1]] + [
        line for line in data.split(end)[-1:] if line
    ]


@given(DATA, st.integers(1, 50))
def test_blocks_stop_where_a_line_begins_with_a_mark(data: bytes, length: int) -> None:
    lines = Lines(in_pieces(data, length))
    found = b""
    while True:
        if block := lines.block((b"--a", b"--\n")):
            assert (b"\n" + block).find(b"\n--a") < 0 or lines.end == b"\r"
            found += block
        elif line := lines.line():
            assert line.startswith((b"--a", b"--\n"))
            found += line
        else:
            break
    assert found == data
    assert lines.size == len(data)


def test_a_mark_is_found_wherever_pieces_meet() -> None:
    for before in range(WINDOW * 2 - 10, WINDOW * 2 + 3):
        lines = Lines(in_pieces(b"x" * before + b"\n--mark\n" + bytes(LONGEST_MARK), WINDOW * 2))
        length = 0
        while block := lines.block((b"--mark",)):
            length += len(block)
        assert length == before + 1
        assert lines.line() == b"--mark\n"


def test_a_long_line_comes_in_pieces() -> None:
    assert [len(line) for line in all_lines(b"x" * (WINDOW * 3) + b"\ny", 999)] == [WINDOW] * 3 + [1, 1]


def test_lines_are_shown_before_they_are_taken() -> None:
    lines = Lines([b"a\r\nb\r\n\r\nc"])
    assert (lines.peek(), lines.peek_next(), lines.line(), lines.peek()) == (b"a\r\n", b"b\r\n", b"a\r\n", b"b\r\n")
    lines.skip_to_blank()
    assert lines.line() == b"c"


def test_blank_lines_are_left_out_but_not_what_indents_the_next() -> None:
    lines = Lines([b"\r\n \t\n" * WINDOW, b"  x"])
    assert lines.skip_blank()
    assert lines.line() == b"  x"
    assert not lines.skip_blank()
