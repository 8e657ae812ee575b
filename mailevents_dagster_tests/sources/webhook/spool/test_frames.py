"""Requests in a file: every whole one is found, whatever is broken around it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.sources.webhook.spool.frames import Posted, framed, frames

ONE = Posted(1_796_000_000.25, "application/json; charset=utf-8", b'{"a":1}', "mark-1")
EMPTY = Posted(1_796_000_001.0, "", b"")
LIKE_A_FRAME = Posted(1_796_000_002.0, "text/plain", framed(ONE))
ALL = [ONE, EMPTY, LIKE_A_FRAME]
CONTENT = b"".join(map(framed, ALL))


def test_what_is_written_is_read() -> None:
    found = list(frames(CONTENT))
    assert [frame.posted for frame in found] == ALL
    assert [frame.end for frame in found][:-1] == [frame.first for frame in found][1:]
    assert found[-1].end == len(CONTENT)


def test_reading_goes_on_where_it_stopped() -> None:
    first = next(frames(CONTENT))
    assert [frame.posted for frame in frames(CONTENT, first.end)] == ALL[1:]


@pytest.mark.parametrize("length", range(len(framed(EMPTY)) + len(framed(ONE))), ids=str)
def test_a_torn_end_is_cut(length: int) -> None:
    content = framed(EMPTY) + framed(ONE)
    whole = [EMPTY] if length >= len(framed(EMPTY)) else []
    assert [frame.posted for frame in frames(content[:length])] == whole


@given(place=st.integers(0, len(framed(ONE)) - 1), change=st.integers(1, 255))
def test_a_broken_byte_costs_its_own_request_alone(place: int, change: int) -> None:
    broken = bytearray(framed(ONE))
    broken[place] ^= change
    assert [frame.posted for frame in frames(framed(EMPTY) + broken + framed(EMPTY))] == [EMPTY, EMPTY]


@given(st.binary(max_size=400))
def test_rubbish_holds_nothing_and_hides_nothing(rubbish: bytes) -> None:
    assert [frame.posted for frame in frames(rubbish + framed(ONE) + rubbish)] == [ONE]
