"""The typed row of a raw record: every type a field may come as, for every type a column has."""

from __future__ import annotations

import io
import json
import math
from datetime import UTC, datetime
from enum import Enum

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.sources.uzmanposta.schema import (
    COLUMNS,
    LAST_SECOND,
    RECIPIENT_COLUMNS,
    record_time,
    typed_arrays,
)

CATEGORIES: tuple[str, ...] = ("mail", "quarantine", "authentication")
MISSING = Enum("Missing", "FIELD").FIELD  # an enum, because its name is the same in every test process
TIME = 1_795_156_800
MEGABYTE = "ı" * 2**20
HUGE = 10**5000
"""Python refuses to write integers beyond 4,300 digits as text."""


def typed(category: str, name: str, *records: dict[str, object]) -> list[object]:
    names = [column.name for column in COLUMNS[category]]
    values: list[object] = typed_arrays(category, records)[names.index(name)].to_pylist()
    return values


def one(category: str, name: str, value: object) -> object:
    return typed(category, name, {} if value is MISSING else {name: value})[0]


def recipients(value: object) -> object:
    return one("mail", "recipients", value)


def table(category: str, records: list[dict[str, object]]) -> pa.Table:
    schema = pa.schema([column.field for column in COLUMNS[category]])
    return pa.Table.from_arrays(typed_arrays(category, records), schema=schema)


def through_parquet(written: pa.Table) -> pa.Table:
    file = io.BytesIO()
    pq.write_table(written, file)
    # Parquet has no unit of seconds: they come back as milliseconds, until the reader asks for the schema written.
    return pq.read_table(io.BytesIO(file.getvalue())).cast(written.schema)


def nested(depth: int) -> object:
    value: object = "core"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        (" spaces stay ", " spaces stay "),
        ("İstanbul ığdır", "İstanbul ığdır"),
        ("line\u2028paragraph\u2029nul\0", "line\u2028paragraph\u2029nul\0"),
        ("😀", "😀"),
        (MEGABYTE, MEGABYTE),
        ("a\ud800b\udfff", "a\ufffdb\ufffd"),
        (r"\ud800 spelled out", r"\ud800 spelled out"),
        (250, "250"),
        (2**80, str(2**80)),
        (1.5, "1.5"),
        (True, "true"),
        (False, "false"),
        ([], "[]"),
        (["ı", 1, None], '["ı",1,null]'),
        ({"b": 1, "a": {"c": "\u2028"}}, '{"b":1,"a":{"c":"\u2028"}}'),
        ({"\udcff": "\ud800"}, '{"\ufffd":"\ufffd"}'),
        (["\ud800", r"\ud800", "\\\udbff"], '["\ufffd","\\\\ud800","\\\\\ufffd"]'),
        (nested(500), "[" * 500 + '"core"' + "]" * 500),
        (nested(100_000), None),
        ([HUGE], None),
        (HUGE, None),
        (None, None),
        (MISSING, None),
    ],
    ids=lambda value: repr(value)[:40] if not isinstance(value, int | list) else "",
)
def test_text_is_kept_and_anything_else_becomes_its_json_text(value: object, text: str | None) -> None:
    assert one("mail", "subject", value) == text


@pytest.mark.parametrize("odd", [None, 7, "\ud800", ["x"]])
def test_a_value_of_another_type_leaves_its_neighbours_as_they_are(odd: object) -> None:
    records: list[dict[str, object]] = [{"subject": "İ"}, {"subject": odd}, {"subject": "ı"}]
    first, _, last = typed("mail", "subject", *records)
    assert (first, last) == ("İ", "ı")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0),
        (-5, -5),
        (2**63 - 1, 2**63 - 1),
        (-(2**63), -(2**63)),
        (2**63, None),
        (-(2**63) - 1, None),
        (HUGE, None),
        (2048.0, 2048),
        (-0.0, 0),
        (1.5, None),
        (1e300, None),
        (math.nan, None),
        (math.inf, None),
        ("2048", 2048),
        (" 2048\n", 2048),
        ("+7", 7),
        ("-7", -7),
        ("007", 7),
        ("2048.0", 2048),
        ("2e3", 2000),
        ("9007199254740993", 2**53 + 1),
        ("9007199254740993.0", 2**53 + 1),
        ("9223372036854775808", None),
        ("0" * 50 + "7", 7),
        ("1" * 10_000, None),
        ("1e999", None),
        ("1.5", None),
        ("1_000", None),
        ("1,000", None),
        ("٣", None),
        ("0x10", None),
        ("12 kB", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (" ", None),
        ("\ud800", None),
        (MEGABYTE, None),
        (True, None),
        (False, None),
        ([1], None),
        ({"value": 1}, None),
        (None, None),
        (MISSING, None),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, int) else "",
)
def test_an_integer_is_taken_from_what_is_exactly_one(value: object, number: int | None) -> None:
    assert one("mail", "size", value) == number


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (6.5, 6.5),
        (7, 7.0),
        (2**63, 2.0**63),
        (2**53 + 1, 2.0**53),
        (HUGE, None),
        ("6.5", 6.5),
        (" -6.5 ", -6.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e-3", 0.001),
        ("1e999", None),
        ("nan", None),
        ("Infinity", None),
        ("6,5", None),
        ("1_0.5", None),
        ("6.5/10", None),
        ("", None),
        (math.nan, None),
        (-math.inf, None),
        (True, None),
        ([6.5], None),
        ({}, None),
        (None, None),
        (MISSING, None),
    ],
    ids=lambda value: repr(value)[:30] if not isinstance(value, int) else "",
)
def test_a_float_is_taken_from_finite_numbers_and_numerals(value: object, number: float | None) -> None:
    assert one("quarantine", "score", value) == number


TIMES = [
    (TIME, TIME),
    (0, 0),
    (LAST_SECOND, LAST_SECOND),
    (LAST_SECOND + 1, None),
    (TIME * 1000, None),
    (HUGE, None),
    (-1, None),
    (float(TIME), TIME),
    (TIME + 0.5, None),
    (math.nan, None),
    (math.inf, None),
    (str(TIME), TIME),
    (f"  {TIME}\t", TIME),
    (f"{TIME}.0", TIME),
    (f"{TIME}.5", None),
    ("-1", None),
    ("2026-11-20T00:00:00Z", None),
    ("", None),
    (True, None),
    (False, None),
    ([TIME], None),
    ({"time": TIME}, None),
    (None, None),
    (MISSING, None),
]
TIME_IDS = ["huge" if value is HUGE else "missing" if value is MISSING else repr(value) for value, _ in TIMES]


def with_field(name: str, value: object) -> dict[str, object]:
    return {} if value is MISSING else {name: value}


@pytest.mark.parametrize(("value", "time"), TIMES, ids=TIME_IDS)
def test_the_time_of_a_recipient_is_whole_seconds_in_this_era(value: object, time: int | None) -> None:
    row = recipients([with_field("time", value)])
    assert isinstance(row, list)
    assert row[0]["time"] == (None if time is None else datetime.fromtimestamp(time, UTC))


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize(("value", "time"), TIMES, ids=TIME_IDS)
def test_the_time_of_a_record_is_whole_seconds_in_this_era(category: str, value: object, time: int | None) -> None:
    found = record_time(category, with_field("time", value))
    assert found == time
    assert found is None or type(found) is int


@pytest.mark.parametrize(("value", "time"), TIMES, ids=TIME_IDS)
def test_the_time_of_a_mail_is_that_of_its_first_recipient_and_else_its_own(value: object, time: int | None) -> None:
    record = {"recipients": [with_field("time", value), {"time": 5}], "time": 7}
    assert record_time("mail", record) == (7 if time is None else time)


@pytest.mark.parametrize("odd", [None, [], {}, [None], ["x"], [[{"time": 5}]], "x", 5, True])
def test_the_time_of_a_mail_without_a_readable_recipient_is_its_own(odd: object) -> None:
    assert record_time("mail", {"recipients": odd, "time": 7}) == 7
    assert record_time("mail", {"recipients": odd, "timestamp": 8, "starttime": 9}) is None


def test_the_time_of_a_mail_with_one_recipient_outside_a_list_is_that_of_the_recipient() -> None:
    assert record_time("mail", {"recipients": {"time": "5"}, "time": 7}) == 5


@pytest.mark.parametrize("category", ["quarantine", "authentication"])
def test_the_time_of_other_records_is_the_first_of_three_fields_that_can_be_read(category: str) -> None:
    assert record_time(category, {"starttime": 9, "timestamp": 8, "time": 7}) == 7
    assert record_time(category, {"starttime": 9, "timestamp": "8", "time": None}) == 8
    assert record_time(category, {"starttime": 9, "timestamp": True, "time": "soon"}) == 9
    assert record_time(category, {"starttime": -1, "recipients": [{"time": 5}]}) is None
    assert record_time(category, {}) is None


def test_recipients_keep_their_order_and_each_its_own_fields() -> None:
    first = {"mailto": "ı@example.com", "status": "sent", "status_code": 250, "time": TIME, "new": {"field": 1}}
    second = {"mailto": "b@example.com", "status_string": ["x"], "action": None, "dstip": "10.0.0.1"}
    nothing = dict.fromkeys(column.name for column in RECIPIENT_COLUMNS)
    assert recipients([first, second]) == [
        nothing
        | {
            "mailto": "ı@example.com",
            "status": "sent",
            "status_code": "250",
            "time": datetime.fromtimestamp(TIME, UTC),
        },
        nothing | {"mailto": "b@example.com", "status_string": '["x"]', "dstip": "10.0.0.1"},
    ]


def test_recipients_of_many_mails_stay_with_their_mail() -> None:
    records: list[dict[str, object]] = [
        {"recipients": [{"mailto": "a"}, {"mailto": "b"}]},
        {},
        {"recipients": []},
        {"recipients": "nobody"},
        {"recipients": {"mailto": "c"}},
        {"recipients": [None, "x", [{"mailto": "x"}], {"mailto": "d"}]},
    ]
    rows = typed("mail", "recipients", *records)
    assert [row if row is None else [entry["mailto"] for entry in row] for row in rows] == [  # type: ignore[attr-defined]
        ["a", "b"],
        None,
        [],
        None,
        ["c"],
        [None, None, None, "d"],
    ]
    assert typed("mail", "recipient_count", *records) == [2, None, 0, None, 1, 4]


def test_an_entry_that_is_no_object_is_a_struct_of_nulls_and_not_null() -> None:
    assert recipients(["x"]) == [dict.fromkeys(column.name for column in RECIPIENT_COLUMNS)]


def test_the_recipient_count_is_counted_and_never_read_from_the_record() -> None:
    assert typed("mail", "recipient_count", {"recipient_count": 9, "recipients": [{}]}) == [1]


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_records_are_empty_columns_of_the_declared_types(category: str) -> None:
    assert [(array.type, len(array)) for array in typed_arrays(category, [])] == [
        (column.type, 0) for column in COLUMNS[category]
    ]


def test_every_category_has_columns_whose_names_differ_and_whose_meaning_is_one_sentence() -> None:
    assert set(COLUMNS) == {kind.category for kind in FEED_KINDS.values()}
    for columns in (*COLUMNS.values(), RECIPIENT_COLUMNS):
        assert len({column.name for column in columns}) == len(columns)
        assert all(column.description.endswith(".") for column in columns)


def test_descriptions_travel_with_the_fields_into_parquet() -> None:
    file = io.BytesIO()
    pq.write_table(table("mail", []), file)
    schema = pq.read_schema(io.BytesIO(file.getvalue()))
    assert schema.field("size").metadata[b"description"] == b"Size of the mail in bytes."
    mailto = schema.field("recipients").type.value_type.field("mailto")
    assert mailto.metadata[b"description"] == b"Address of this recipient."


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_store_gets_the_same_columns_from_raw_records(category: str) -> None:
    rows = ROW_FORMATS[category]
    record: dict[str, object] = {column.name: f"İ {column.name}" for column in COLUMNS[category]}
    assert rows.columns == COLUMNS[category]
    arrays = rows.arrays([rows.fields_of(raw) for raw in (one_line(record), b"[]", b"null", b'"text"')])
    assert list(arrays) == typed_arrays(category, [record, {}, {}, {}])


any_text = st.text(st.characters(exclude_categories=()), max_size=8)
numerals = st.one_of(st.integers(), st.floats()).map(str)
integers = st.one_of(st.integers(), st.integers(0, LAST_SECOND), st.sampled_from([2**63, -(2**63) - 1, 2**64, 10**400]))
scalars = st.one_of(st.none(), st.booleans(), integers, st.floats(), any_text, numerals)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(any_text, inner, max_size=3), max_leaves=6
)
entries = st.fixed_dictionaries({}, optional={column.name: values for column in RECIPIENT_COLUMNS} | {"new": values})


times = dict.fromkeys(("time", "timestamp", "starttime"), values) | {
    "recipients": st.lists(entries | values, max_size=3) | entries | values
}


def records_of(category: str) -> st.SearchStrategy[list[dict[str, object]]]:
    fields = {column.name: values for column in COLUMNS[category]} | times | {"new": values}
    return st.lists(st.fixed_dictionaries({}, optional=fields), max_size=4)


@pytest.mark.parametrize("category", CATEGORIES)
@settings(deadline=None)
@given(data=st.data())
def test_whatever_records_hold_the_columns_have_their_types_and_survive_parquet(
    category: str, data: st.DataObject
) -> None:
    records = data.draw(records_of(category))
    arrays = typed_arrays(category, records)
    assert [(array.type, len(array)) for array in arrays] == [
        (column.type, len(records)) for column in COLUMNS[category]
    ]
    written = table(category, records)
    written.validate(full=True)
    assert through_parquet(written).equals(written)


@pytest.mark.parametrize("category", CATEGORIES)
@settings(deadline=None)
@given(record=st.fixed_dictionaries({}, optional=times))
def test_whatever_a_record_holds_its_time_is_a_second_of_this_era_or_none(
    category: str, record: dict[str, object]
) -> None:
    time = record_time(category, record)
    assert time is None or (type(time) is int and 0 <= time <= LAST_SECOND)


@settings(deadline=None)
@given(value=values)
def test_nested_values_in_text_columns_are_json_that_any_reader_takes(value: object) -> None:
    text = one("mail", "tag", [value])
    if text is not None:
        assert isinstance(text, str)
        text.encode()
        assert len(json.loads(text)) == 1
