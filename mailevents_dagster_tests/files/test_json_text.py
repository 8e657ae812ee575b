"""JSON that goes in and comes out again is the same, to the last digit and the last odd character."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.files.json_text import NotJsonError, canonical, one_line, parse, pretty

ODD_TEXTS = st.sampled_from(
    ["\u2028", "\u2029", "\x85", "İ", "ı", "\ud800", "a\udfffb", "\x00", "\x7f", "😀", "\\u", "\n"]
)
texts = st.one_of(st.text(), ODD_TEXTS, st.lists(ODD_TEXTS, max_size=3).map(" ".join))
integers = st.one_of(
    st.integers(), st.integers(-(2**70), 2**70), st.integers(10**18, 10**19).map(lambda n: n * 10**300)
)
scalars = st.one_of(st.none(), st.booleans(), integers, st.floats(allow_nan=False, allow_infinity=False), texts)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=12
)
records = st.dictionaries(texts, values, max_size=5)


def same(one: object, other: object) -> bool:
    """Equal, with 1, 1.0 and True told apart, -0.0 as 0.0 not, and objects with their keys in the same order."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict) and isinstance(other, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return one == other and math.copysign(1, one) == math.copysign(1, other)
    return one == other


@pytest.mark.slow
@given(records)
@settings(max_examples=100)
def test_a_record_written_as_a_line_is_read_as_the_same_record(record: dict[str, Any]) -> None:
    assert same(parse(one_line(record)), record)


@given(records)
@settings(max_examples=60)
def test_a_record_from_another_writer_of_json_is_read_as_it_was(record: dict[str, Any]) -> None:
    for text in (json.dumps(record), json.dumps(record, indent=1)):
        assert same(parse(text.encode()), record)


@given(records)
@settings(max_examples=60)
def test_a_line_has_no_line_end_in_it_and_is_utf_8(record: dict[str, Any]) -> None:
    line = one_line(record)
    assert b"\n" not in line
    assert b"\r" not in line
    line.decode("utf-8")


@given(records, st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_the_canonical_form_does_not_depend_on_the_order_of_keys(record: dict[str, Any], random: Any) -> None:
    shuffled = list(record.items())
    random.shuffle(shuffled)
    assert canonical(dict(shuffled)) == canonical(record)


@given(records, records)
@settings(max_examples=60)
def test_different_records_have_different_canonical_forms(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (canonical(one) == canonical(other)) == (sorted_all(one) == sorted_all(other))


def sorted_all(value: object) -> str:
    return json.dumps(value, sort_keys=True)


def test_keys_stay_in_their_order() -> None:
    text = b'{"z":1,"a":{"y":2,"b":3},"m":[]}'
    assert one_line(parse(text)) == text


def test_letters_are_written_as_they_are() -> None:
    assert one_line({"İ": "ı ş Ğ 😀 \u2028"}) == '{"İ":"ı ş Ğ 😀 \u2028"}'.encode()


def test_a_lone_surrogate_stays_an_escape_and_spoils_nothing_around_it() -> None:
    text = rb'{"subject":"\ud83d and \u0131","n":1}'
    assert one_line(parse(text)) == '{"subject":"\\ud83d and ı","n":1}'.encode()


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse(rb'["\ud83d\ude00"]') == ["😀"]


@pytest.mark.parametrize("digits", ["9223372036854775807", "18446744073709551616", "-9223372036854775809", "9" * 4000])
@pytest.mark.parametrize("around", ["[{}]", '{{"a":{}}}', '{{"a": {}}}', "[1,{}]", "[\n{}]", "{}", " {}"])
def test_no_digit_of_a_big_integer_is_lost(digits: str, around: str) -> None:
    value = parse(around.format(digits).encode())
    assert digits in json.dumps(value)
    assert digits.encode() in one_line(value)


@pytest.mark.parametrize("text", [b"[NaN]", b"[Infinity]", b'{"a":-Infinity}', b"[12345678901234567890,NaN]", b"NaN"])
def test_what_is_no_number_in_json_is_refused(text: bytes) -> None:
    with pytest.raises(NotJsonError):
        parse(text)


def test_a_number_too_big_to_be_kept_is_not_turned_into_nothing() -> None:
    try:
        value = parse(b'{"n":1e400}')
    except NotJsonError:
        return
    assert one_line(value) != b'{"n":null}'


@pytest.mark.parametrize(
    "text",
    [b"", b" ", b"{", b"[1,]", b"{'a':1}", b"<html>", b"\xff", b'["\xff"]', b'"\x01"', b"[1] 2", b"nul", b"9" * 5000],
)
def test_what_is_not_json_is_refused(text: bytes) -> None:
    with pytest.raises(NotJsonError):
        parse(text)


@given(st.binary(max_size=40))
@settings(max_examples=100)
def test_bytes_are_json_or_refused_and_nothing_else_happens(text: bytes) -> None:
    try:
        value = parse(text)
    except NotJsonError:
        return
    assert same(parse(one_line(value)), value)


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("number", [b"1", b"12345678901234567890", rb'"\ud800"'])
@pytest.mark.parametrize("depth", [2, 200, 254, 255, 300, 500, 900, 1000, 1024, 2000, 100_000])
def test_a_text_however_deep_comes_out_as_it_was_or_is_refused(opening: bytes, number: bytes, depth: int) -> None:
    closing = b"]" if opening == b"[" else b"}"
    text = opening * depth + number + closing * depth
    try:
        written = one_line(parse(text)), canonical(parse(text))
    except NotJsonError:
        assert depth > 254
        return
    assert written == (text, text)


def test_a_file_for_people_is_indented_and_ends_its_last_line() -> None:
    assert pretty({"a": [1]}) == b'{\n  "a": [\n    1\n  ]\n}\n'
