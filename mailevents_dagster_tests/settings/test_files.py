"""Files that are no settings, and rubbish of all kinds: never anything but an error that says so."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailevents_dagster.settings import SettingsError
from mailevents_dagster_tests.settings.documents import Complaints, Load, document


@pytest.mark.parametrize(
    ("content", "path", "message"),
    [
        (b"", "", "is empty; write `start:` and for example `accounts:`"),
        (b"# nothing\n", "", "is empty"),
        (b"---\n...\n", "", "is empty"),
        (b"[1, 2]", "", "is not a mapping"),
        (b"text", "", "is not a mapping"),
        (b"start: 2026-11-01\napi:\n\tpage_limit: 3\n", "", "line 3"),
        (b"api: [1\nstart: 3", "", "line 2"),
        (b"a: 1\n--- \nb: 2", "", "line 2"),
        (b"start: \xff\n", "", "line 1 is not UTF-8"),
        ("start: 1".encode("utf-16"), "", "not UTF-8"),
        (b"start: 1\nx: a\x00b", "", "line 2 holds a control character"),
        (b"a: " + b"[" * 600, "", "nest"),
        (b"x: &a [*a]", "", "contains itself"),
        (b"x: &a {<<: *a}", "", "contains itself"),
        (b"x: &a {a: *a}", "", "contains itself"),
        (b"# " + b"x" * 1_000_001, "", "megabyte"),
        (b"start: 2026-11-01\nstart: 2026-11-02\n", "start", "more than once"),
        (b"api: {page_limit: 1, page_limit: 1}", "api.page_limit", "more than once"),
        (b"accounts: [{domain: a.com, domain: b.com}]", "accounts[0].domain", "more than once"),
        (b"timezone: !!python/object:os.system x", "", "line 1"),
        (b"api: !!set {a}", "api", "is not a mapping"),
        (b"api: {page_limit: !!int x}", "", "not what its tag (!) says"),
        (b"api: {page_limit: " + b"9" * 5000 + b"}", "", "a number too long"),
        (b"api: {page_limit: 0x" + b"f" * 5000 + b"}", "api.page_limit", "from 1 to 1000"),
        (b'timezone: "a\\nb"', "timezone", "line break or control character"),
        (b'timezone: "\\ud800"', "timezone", "line break or control character"),
        (b"api: {[1]: 2}", "", "line 1"),
        (b"api: {<<: 3}", "", "line 1"),
        (b"1: 2", "1", "not a key of settings"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_settings_is_told_why(
    complaints: Complaints, content: bytes, path: str, message: str
) -> None:
    assert message in complaints(content)[path]


SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.dates() | st.binary(max_size=5)
)
KEYS = st.sampled_from(["timezone", "start", "storage", "log_file_name", "api", "collect", "accounts", "domain",
                        "api_key", "feeds", "base_url", "page_limit", "details"])  # fmt: skip
RUBBISH = st.recursive(
    SCALARS | st.sampled_from(["${KEY_A}", "${", "s3://x", "~x", "2026-11-01", "%Y%m%d%H", "https://[", "a.com"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | SCALARS, inner, max_size=4),
    max_leaves=20,
)
NO_FIXTURE_PER_EXAMPLE = settings(
    max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.slow
@NO_FIXTURE_PER_EXAMPLE
@given(st.dictionaries(KEYS, RUBBISH, max_size=7))
def test_no_rubbish_raises_anything_but_a_settings_error(load: Load, rubbish: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        load(yaml.safe_dump(rubbish).encode("utf-8", "surrogatepass"))


@pytest.mark.slow
@NO_FIXTURE_PER_EXAMPLE
@given(st.sampled_from(sorted(document(storage="x", timezone="UTC", api={}, collect={}, log_file_name="x"))), RUBBISH)
def test_no_rubbish_in_one_key_of_right_settings_does_either(load: Load, key: str, rubbish: object) -> None:
    text = ""
    try:
        load(yaml.safe_dump(document(**{key: rubbish})).encode("utf-8", "surrogatepass"))
    except SettingsError as error:
        text = str(error)
    assert "Traceback" not in text
    assert all(line.startswith("  ") for line in text.splitlines()[1:])


@NO_FIXTURE_PER_EXAMPLE
@given(st.binary(max_size=60) | st.text("{}[]:,-&*!|>'\"%@`#?~<=\n\t 0x1ae_.$", max_size=40).map(str.encode))
def test_no_bytes_raise_anything_but_a_settings_error(load: Load, content: bytes) -> None:
    with pytest.raises(SettingsError):
        load(content)
