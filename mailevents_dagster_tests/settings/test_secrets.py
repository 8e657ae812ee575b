"""Keys and their variables: where they are looked for, and that they are never shown."""

from __future__ import annotations

import pytest

from mailevents_dagster.settings import SettingsError
from mailevents_dagster.settings.fields import secret_keys
from mailevents_dagster.settings.models import settings_model
from mailevents_dagster.settings.variables import VARIABLE_PATTERN
from mailevents_dagster.sources.catalog import SOURCES
from mailevents_dagster.sources.uzmanposta.settings import UzmanPostaSettings
from mailevents_dagster_tests.settings.documents import ENVIRON, KEY, Complaints, Load, account


@pytest.mark.parametrize("written", [KEY, f"${KEY}", "x${KEY_A}", "${KEY_A}${KEY_A}", "${}", "${KEY A}", "${KEY_A", ""])
def test_a_key_that_stands_in_the_file_is_refused_and_not_shown(load: Load, written: str) -> None:
    with pytest.raises(SettingsError, match=r"accounts\[0\]\.api_key: the value is not `\$\{NAME\}`") as caught:
        load(accounts=[account(api_key=written)])
    assert KEY not in str(caught.value)


def test_a_key_that_yaml_reads_as_a_number_is_refused_and_not_shown(complaints: Complaints) -> None:
    told = complaints(accounts=[account(api_key=1234567890)])
    assert "1234567890" not in told["accounts[0].api_key"]


def test_a_missing_key_says_which_variable_to_use(complaints: Complaints) -> None:
    told = complaints(accounts=[{"domain": "acme.com", "feeds": ["authentication"]}])
    assert "`api_key: ${UZMANPOSTA_KEY_ACME_COM}`" in told["accounts[0].api_key"]


@pytest.mark.parametrize(
    "value",
    [
        "", "   ", "short-1", "changeme", "CHANGE_ME_1", "your-api-key", "your_api_key_here", "xxxxxxxxxxxx",
        "********", "<your key of acme>", "<k3y0facm3>", "KEY", "KEY_A", "${KEY_A}", "insert-api-key-here", "12345678",
        "placeholder", "k3y 0f acc0unt", "k3y0facc0unt\n", "k3y0f\x00acc0unt", "'k3y0facc0unt'", "ş3y0facc0unt",
    ],
)  # fmt: skip
def test_a_variable_that_holds_no_key_is_named_and_its_value_is_not_shown(complaints: Complaints, value: str) -> None:
    told = complaints(environ={"KEY_A": value})
    assert list(told) == ["accounts[0].api_key"]
    assert "KEY_A" in told["accounts[0].api_key"]
    assert len(value) < 9 or value not in told["accounts[0].api_key"].replace("holds a placeholder", "")


@pytest.mark.parametrize("value", [KEY, "testkeys-9f8a7b", "a1b2c3d4", "eyJhbGciOi.x.y-_=", "0f" * 64])
def test_a_real_key_is_taken(load: Load, value: str) -> None:
    assert load(environ={"KEY_A": value}).section(UzmanPostaSettings).accounts[0].api_key_variable == "KEY_A"


def test_missing_variables_are_named_with_the_place_and_judged_once(complaints: Complaints) -> None:
    told = complaints(
        environ={**ENVIRON, "EMPTY": "", "BAD": "a\nb"},
        timezone="${GONE}",
        storage="${EMPTY}/x",
        log_file_name="${BAD}_%F_%H.log",
        accounts=[account(domain="${not a name}.com", feeds=["${OPEN"])],
    )
    assert "variable GONE is not set" in told["timezone"]
    assert "variable EMPTY is not set or empty" in told["storage"]
    assert "variable BAD holds line breaks" in told["log_file_name"]
    assert "name of a variable" in told["accounts[0].domain"]
    assert "name of a variable" in told["accounts[0].feeds[0]"]


def test_the_value_of_a_variable_is_never_shown(load: Load) -> None:
    secret = "s3cret+s3cret"
    content = {
        "timezone": "${S}",
        "start": "${S}",
        "storage": "s3://${S}@x",
        "log_file_name": "${S}",
        "api": {"base_url": "${S}", "page_limit": "${S}", "requests_per_second": "${S}"},
        "collect": {"details": "${S}"},
        "accounts": [account(domain="${S}", feeds=["${S}"], start="${S}"), "${S}"],
    }
    with pytest.raises(SettingsError) as caught:
        load(environ={**ENVIRON, "S": secret}, **content)
    assert len(caught.value.problems) == 12
    assert secret not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        f"start: 2026-11-01\naccounts:\n- domain: acme.com\n  api_key:{KEY}\n  feeds: [authentication]\n",
        f"start: 2026-11-01\naccounts:\n- domain: acme.com\n  api_key:{KEY}\n",
        f"start: 2026-11-01\naccounts:\n- {{domain: acme.com, api_key:{KEY}}}\n",
        f"start: 2026-11-01\naccounts:\n- api_key={KEY}\n",
        f"start: 2026-11-01\naccounts:\n- domain: acme.com\n  api_key: *{KEY}\n",
        f"start: 2026-11-01\naccounts:\n- domain: acme.com\n  api_key: !{KEY}\n",
        f"start: 2026-11-01\naccounts:\n- domain: acme.com\n  api_key: &{KEY}\n",
        f"start: 2026-11-01\naccounts:\n- domain: acme.com\n  api_key: '{KEY}\n",
        f"start: 2026-11-01\naccounts:\n- domain: acme.com\n  api_key: !{KEY}! x\n",
        f"start: 2026-11-01\napi: {{base_url: 'https://u:{KEY}@x.com/'}}\naccounts: []",
        f"start: 2026-11-01\napi: {{base_url: 'https://x.com/?api={KEY}'}}\naccounts: []",
    ],
)
def test_a_slip_of_the_pen_shows_no_key(load: Load, content: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(content)
    assert KEY not in str(caught.value) + repr(caught.value)


def test_each_key_that_takes_nothing_but_a_variable_is_known_to_hold_a_secret() -> None:
    model = settings_model(SOURCES)
    schema = model.model_json_schema()
    nodes = [item for one in (schema, *schema["$defs"].values()) for item in one["properties"].items()]

    values = [(key, value) for key, node in nodes for value in node.get("anyOf", [node])]
    assert secret_keys(model) == {key for key, value in values if value.get("pattern") == VARIABLE_PATTERN}
