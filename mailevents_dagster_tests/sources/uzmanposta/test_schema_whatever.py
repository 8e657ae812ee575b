"""Whatever records hold, their columns have the declared types."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailevents_dagster.sources.uzmanposta.schema import (
    COLUMNS,
    LAST_SECOND,
    RECIPIENT_COLUMNS,
    record_time,
    typed_arrays,
)
from mailevents_dagster_tests.sources.uzmanposta.typed_rows import CATEGORIES, one, table, through_parquet

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


@pytest.mark.slow
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


@pytest.mark.slow
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
