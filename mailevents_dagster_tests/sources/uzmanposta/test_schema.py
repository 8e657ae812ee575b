"""The typed row of a raw record: every type a field may come as, for every type a column has."""

from __future__ import annotations

import io
import math
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mailevents_dagster.files.json_text import one_line
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.sources.uzmanposta.schema import (
    COLUMNS,
    RECIPIENT_COLUMNS,
    typed_arrays,
)
from mailevents_dagster_tests.sources.uzmanposta.typed_rows import (
    CATEGORIES,
    HUGE,
    MEGABYTE,
    MISSING,
    TIME,
    nested,
    one,
    recipients,
    table,
    typed,
)


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
    arrays = rows.read(pa.array([one_line(record).decode(), "[]", "null", '"text"']))
    assert list(arrays) == typed_arrays(category, [record, {}, {}, {}])
