"""The settings file: what it says when it is right, and what it is told when it is wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mailevents_dagster.feeds import FEED_KINDS, Feed, readable_domain
from mailevents_dagster.retention import Hold, Retention
from mailevents_dagster.settings import Settings, SettingsError, checks, json_schema, load_settings, loading
from mailevents_dagster.settings.schema import SCHEMA_FILE
from mailevents_dagster.states import retention_of
from mailevents_dagster.store.layout import Layout

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
KEY = "k3y-0f-a-r3al-acc0unt"
ENVIRON = {"KEY_A": KEY, "KEY_B": KEY[::-1]}
EXAMPLE = Path(__file__).parents[1] / "mailevents.example.yaml"

Load = Callable[..., Settings]
Complaints = Callable[..., dict[str, str]]


def account(**changes: Any) -> dict[str, Any]:
    return {"domain": "acme.com", "api_key": "${KEY_A}", "feeds": ["mail/incominglog"], **changes}


def document(**changes: Any) -> dict[str, Any]:
    """Right settings, with changes; None takes a key out."""
    values = {"start": "2026-11-01T00:00", "accounts": [account()], **changes}
    return {key: value for key, value in values.items() if value is not None}


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(content: object = None, environ: dict[str, str] = ENVIRON, **changes: Any) -> Settings:
        file = tmp_path / "settings.yaml"
        if content is None:
            content = yaml.safe_dump(document(**changes), allow_unicode=True)
        file.write_bytes(content if isinstance(content, bytes) else str(content).encode())
        return load_settings(file, environ, NOW)

    return loaded


@pytest.fixture
def complaints(load: Load) -> Complaints:
    def complained(*args: Any, **changes: Any) -> dict[str, str]:
        with pytest.raises(SettingsError) as caught:
            load(*args, **changes)
        return {problem.path: problem.message for problem in caught.value.problems}

    return complained


# What right settings mean


def test_the_example_is_right_and_says_the_defaults(load: Load) -> None:
    example = load_settings(EXAMPLE, {"UZMANPOSTA_KEY_EXAMPLE_COM": KEY}, NOW)
    assert [str(feed) for feed in example.feeds] == [f"example.com {name}" for name in FEED_KINDS]
    assert example.start == int(datetime(2026, 11, 1, tzinfo=ZoneInfo("Europe/Istanbul")).timestamp())
    short = load()
    assert (example.api, example.collect, example.log_file_name) == (short.api, short.collect, short.log_file_name)
    assert short.timezone == "UTC"


def test_the_example_and_the_committed_schema_agree() -> None:
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load(EXAMPLE.read_text("utf-8")), schema)
    assert EXAMPLE.read_text("utf-8").startswith(f"# yaml-language-server: $schema={SCHEMA_FILE.parent.name}/")


def test_the_committed_schema_is_current() -> None:
    assert SCHEMA_FILE.read_text("utf-8") == json_schema(), "run python -m mailevents_dagster.settings"


def test_the_schema_explains_every_key_and_allows_no_other() -> None:
    schema = json.loads(json_schema())
    for model in (schema, *schema["$defs"].values()):
        assert model["additionalProperties"] is False
        assert all(node.get("description") for node in model["properties"].values())


@pytest.mark.parametrize(
    "wrong",
    [
        {"api": {"page_limit": 0}},
        {"accounts": [account(feeds=["mail"])]},
        {"accounts": [account(api_key=KEY)]},
        {"x": 1},
    ],
)
def test_the_schema_refuses_what_an_editor_should_mark(wrong: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document(**wrong), json.loads(json_schema()))


def test_with_no_file_the_demo_runs_on_the_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "project_folder", lambda: tmp_path)
    demo = load_settings(environ={})
    assert demo.source is None
    assert demo.storage == str(tmp_path / "data")
    assert demo.timezone == "Europe/Istanbul"
    assert [one.domain for one in demo.accounts] == ["kuzey.example", "deniz.example"]
    assert len(demo.feeds) == 10
    assert {(one.base_url, one.requests_per_second, one.api_key_variable) for one in demo.accounts} == {
        ("simulator", 500, None)
    }


def test_the_file_beside_the_workspace_is_found_and_the_variable_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "project_folder", lambda: tmp_path)
    (tmp_path / "mailevents.yaml").write_text(yaml.safe_dump(document()))
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(document(timezone="Asia/Tokyo")))
    assert load_settings(None, ENVIRON, NOW).source == tmp_path / "mailevents.yaml"
    assert load_settings(None, {**ENVIRON, "MAILEVENTS_CONFIG": str(other)}, NOW).timezone == "Asia/Tokyo"
    assert load_settings(None, {**ENVIRON, "MAILEVENTS_CONFIG": ""}, NOW).timezone == "UTC"


def test_a_named_file_that_is_missing_is_an_error_and_not_the_demo(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.yaml: 1 problem\n.*cannot be read"):
        load_settings(None, {"MAILEVENTS_CONFIG": str(tmp_path / "missing.yaml")}, NOW)
    for unreadable in (tmp_path, Path("~nobody-at-all/x.yaml"), tmp_path / ("x" * 300)):
        with pytest.raises(SettingsError, match="cannot be read"):
            load_settings(unreadable, {}, NOW)


def test_a_link_to_nowhere_beside_the_workspace_is_an_error_and_not_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "project_folder", lambda: tmp_path)
    (tmp_path / "mailevents.yaml").symlink_to(tmp_path / "gone.yaml")
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings(None, {}, NOW)


def test_keys_that_cannot_be_read_are_told_with_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object, **__: object) -> None:  # root, as whom tests may run, could read any file
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("MAILEVENTS_CONFIG", str(tmp_path / "mailevents.yaml"))
    monkeypatch.setattr(loading, "load_dotenv", unreadable)
    with pytest.raises(SettingsError) as raised:
        loading.load_project()
    assert str(tmp_path / ".env") in str(raised.value)
    assert "Permission denied" in str(raised.value)


def test_the_project_folder_is_the_checkout_or_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    monkeypatch.setattr(loading, "__file__", str(checkout / "mailevents_dagster" / "settings" / "loading.py"))
    monkeypatch.chdir(tmp_path)
    checkout.mkdir()
    assert loading.project_folder() == tmp_path
    (checkout / "workspace.yaml").touch()
    assert loading.project_folder() == checkout


def test_accounts_fall_back_to_the_general_values(load: Load) -> None:
    own = account(
        domain="b.com",
        api_key="${KEY_B}",
        start="2026-11-02 05:00:00",
        base_url="http://127.0.0.1:8000/api/",
        requests_per_second=None,
        max_parallel_details=2,
    )
    got = load(api={"base_url": "https://x.example/v2/", "requests_per_second": 4}, accounts=[account(), own])
    first, second = got.accounts
    assert (first.start, first.base_url, first.requests_per_second, first.max_parallel_details) == (
        got.start,
        "https://x.example/v2",
        4,
        8,
    )
    assert (second.start - got.start, second.base_url) == (29 * 3600, "http://127.0.0.1:8000/api")
    assert (second.requests_per_second, second.max_parallel_details) == (None, 2)
    assert second.feeds == (Feed("b.com", "mail/incominglog"),)


def test_the_settings_hold_the_name_of_the_key_and_never_the_key(load: Load) -> None:
    got = load()
    assert got.accounts[0].api_key_variable == "KEY_A"
    assert KEY not in repr(got) + got.model_dump_json()


def test_the_settings_are_frozen(load: Load) -> None:
    with pytest.raises(ValueError, match="frozen"):
        load().timezone = "Asia/Tokyo"


@pytest.mark.parametrize(
    ("written", "local"),
    [
        ("2026-11-01T00:00", "2026-11-01T00:00"),
        ("2026-11-01 05:00:00", "2026-11-01T05:00"),
        ("2026-11-01", "2026-11-01T00:00"),
        ('"2026-11-01T00:00"', "2026-11-01T00:00"),
        ("2026-11-01T00:00Z", "2026-11-01T03:00"),
        ("2026-11-01T00:00-05:00", "2026-11-01T08:00"),
    ],
)
def test_start_is_read_in_the_time_zone(load: Load, written: str, local: str) -> None:
    got = load(f"timezone: Europe/Istanbul\nstart: {written}\naccounts: {json.dumps([account()])}")
    assert got.start == int(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo("Europe/Istanbul")).timestamp())


def test_start_in_a_zone_of_half_hours_is_a_full_hour_of_its_clock(load: Load, complaints: Complaints) -> None:
    india = datetime(2026, 11, 1, tzinfo=ZoneInfo("Asia/Kolkata")).timestamp()
    assert load(timezone="Asia/Kolkata").start == india
    told = complaints(timezone="Asia/Kolkata", start="2026-11-01T00:30")
    assert "write `2026-11-01T00:00`" in told["start"]


def test_the_storage_is_seen_from_the_folder_of_the_file(load: Load, tmp_path: Path) -> None:
    assert load().storage == str(tmp_path / "data")
    assert load(storage="/srv/mail").storage == "/srv/mail"
    assert load(storage="s3://bucket/prefix").storage == "s3://bucket/prefix"
    assert load(storage="~/mail").storage == str(Path.home() / "mail")


def test_variables_are_taken_anywhere_and_two_dollars_are_one(load: Load) -> None:
    environ = {**ENVIRON, "NAME": "acme", "TYPE": "quarantine", "RATE": "2.5", "OFF": "false"}
    got = load(
        environ=environ,
        storage="/srv/${NAME}/$${NAME}/$$5/$x",
        api={"requests_per_second": "${RATE}"},
        collect={"details": "${OFF}"},
        accounts=[account(domain="${NAME}.com", feeds=["quarantine/${TYPE}"])],
    )
    assert got.storage == "/srv/acme/${NAME}/$5/$x"
    assert got.feeds == (Feed("acme.com", "quarantine/quarantine"),)
    assert (got.api.requests_per_second, got.collect.details) == (2.5, False)


def test_a_file_with_a_byte_order_mark_or_aliases_is_read(load: Load) -> None:
    assert load(b"\xef\xbb\xbf" + yaml.safe_dump(document()).encode()).timezone == "UTC"
    got = load(
        "start: 2026-11-01\naccounts:\n"
        "- &first {domain: a.com, api_key: '${KEY_A}', feeds: &feeds [authentication]}\n"
        "- {<<: *first, domain: b.com, feeds: *feeds}\n"
    )
    assert [str(feed) for feed in got.feeds] == ["a.com authentication", "b.com authentication"]


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("Acme.COM", "acme.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("ŞİRKET.com.tr".replace("İ", "i"), "xn--irket-idb.com.tr"),
        ("XN--bcher-kva.example", "xn--bcher-kva.example"),
        ("straße.de", "xn--strae-oqa.de"),
        ("r3---sn.example.com", "r3---sn.example.com"),
        ("9.3gpp.org", "9.3gpp.org"),
    ],
)
def test_domains_are_kept_in_small_letters_and_punycode(load: Load, written: str, kept: str) -> None:
    assert load(accounts=[account(domain=written)]).accounts[0].domain == kept


@pytest.mark.parametrize("domain", ["bücher.example", "şirket.com.tr", "straße.de", "acme.com"])
def test_a_domain_in_punycode_is_readable_again(load: Load, domain: str) -> None:
    assert readable_domain(load(accounts=[account(domain=domain)]).accounts[0].domain) == domain


@pytest.mark.parametrize("domain", ["xn--a.com", "r3---sn.com", "", "a_b.com"])
def test_what_is_no_punycode_is_readable_as_it_is(domain: str) -> None:
    assert readable_domain(domain) == domain


@pytest.mark.parametrize(
    "name",
    [
        "{domain}_{type}_%Y-%m-%d_%H.log",
        "%F_%H",
        "%y%j%H.json",
        "%G-W%V-%u %H%z.log",
        "100%%_%Y%m%d%H.log",
        "günlük_%F_%H.log",
    ],
)
def test_patterns_that_name_every_hour_are_taken(load: Load, name: str) -> None:
    assert load(log_file_name=name).log_file_name == name


@pytest.mark.parametrize(
    "url", ["http://localhost:1/x", "http://127.9.9.9", "http://[::1]:8080/v2", "https://[2001:db8::1]"]
)
def test_addresses_on_this_machine_or_encrypted_are_taken(load: Load, url: str) -> None:
    assert load(api={"base_url": url}).accounts[0].base_url == url


def test_the_simulator_needs_no_key(load: Load) -> None:
    keyless = account(base_url="simulator")
    del keyless["api_key"]
    got = load(environ={}, accounts=[keyless, account(domain="b.com", base_url="simulator")])
    assert [one.api_key_variable for one in got.accounts] == [None, None]


# What wrong settings are told


def test_all_problems_are_told_at_once_below_the_name_of_the_file(load: Load, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            timezone="Europe/Istambul",
            startt=1,
            api={"page_limit": 5000},
            storage="/dev/null",
            accounts=[account(feeds=["mail/incoming"]), account(api_key="${GONE}")],
        )
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{tmp_path / 'settings.yaml'}: 7 problems"
    assert [line.strip().partition(": ")[0] for line in lines[1:]] == [
        "accounts[0].feeds[0]",
        "accounts[1].api_key",
        "accounts[1].domain",
        "api.page_limit",
        "startt",
        "storage",
        "timezone",
    ]


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"startt": 1}, "startt", "did you mean `start`?"),
        ({"base_url": "simulator"}, "base_url", "belongs below `api`"),
        ({"api": {"page_limits": 1}}, "api.page_limits", "did you mean `page_limit`?"),
        ({"zebra": 1}, "zebra", "here they are `timezone`, `start`"),
        ({"start": None}, "start", "is missing; write for example `start: 2026-11-01T00:00`"),
        ({"accounts": []}, "accounts", "is empty"),
        ({"accounts": "acme.com"}, "accounts", "is not a list"),
        ({"accounts": ["acme.com"]}, "accounts[0]", "is not a mapping"),
        ({"accounts": [account(feeds=[])]}, "accounts[0].feeds", "is empty"),
        ({"accounts": [account(feeds=[3])]}, "accounts[0].feeds[0]", "write one of `mail/incominglog`"),
        ({"timezone": "Europe/Istambul"}, "timezone", "`Europe/Istanbul`"),
        ({"timezone": "Istanbul"}, "timezone", "`Europe/Istanbul`"),
        ({"timezone": "europe/istanbul"}, "timezone", "`Europe/Istanbul`"),
        ({"timezone": "../etc/passwd"}, "timezone", "is no IANA time zone"),
        ({"timezone": "Europe"}, "timezone", "is no IANA time zone"),
        ({"timezone": "localtime"}, "timezone", "is no IANA time zone"),
        ({"timezone": 3}, "timezone", "'3' is not text; write for example `timezone: Europe/Istanbul`"),
        ({"api": None, "collect": {"details": 1}}, "collect.details", "is not true or false"),
    ],
)
def test_a_wrong_key_or_value_is_named_with_its_mend(
    complaints: Complaints, changes: dict[str, Any], path: str, message: str
) -> None:
    told = complaints(**changes)
    assert list(told) == [path]
    assert message in told[path]


@pytest.mark.parametrize(
    ("section", "key", "least", "most"),
    [
        ("api", "requests_per_second", 0.01, 1000),
        ("api", "max_parallel_details", 1, 64),
        ("api", "page_limit", 1, 1000),
        ("api", "timeout_seconds", 0.1, 3600),
        ("api", "max_attempts", 1, 100),
        ("collect", "settle_minutes", 0, 1440),
        ("collect", "lookback_hours", 0, 360),
        ("collect", "hours_per_run", 1, 744),
        ("automation", "follow_minutes", 0.1, 60),
        ("automation", "max_parallel_runs", 1, 64),
        ("automation", "catch_up_days", 1, 3660),
        ("automation", "keep_follow_runs_days", 1, 365),
        ("operating_logs", "messages_kept", 1, 10000),
        ("operating_logs", "errors_kept", 1, 10000),
    ],
)
def test_every_number_has_bounds_and_the_error_says_them(
    load: Load, complaints: Complaints, section: str, key: str, least: float, most: float
) -> None:
    for good in (least, most):
        assert getattr(getattr(load(**{section: {key: good}}), section), key) == good
    for wrong in (least - 0.001, most + 1, -1, True, float("nan"), float("inf"), "many", [1], 10**400, "0x1"):
        told = complaints(**{section: {key: wrong}})
        assert f"number from {least} to {most}" in told[f"{section}.{key}"], wrong


def test_a_whole_number_may_not_have_a_fraction(complaints: Complaints) -> None:
    assert "whole number" in complaints(api={"max_attempts": 1.5})["api.max_attempts"]


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ("2026-12-01T00:00", "lies in the future (it is 2026-11-21T12:00 in UTC)"),
        ("2026-11-21T13:00", "lies in the future"),
        ("2018-12-31T23:00", "not from 2019-01-01 on"),
        ("0001-01-01T00:00+14:00", "not from 2019-01-01 on"),
        ("9999-12-31T23:00-14:00", "not from 2019-01-01 on"),
        ("2026-11-01T00:30", "write `2026-11-01T00:00`"),
        ("2026-11-01T00:00:01", "write `2026-11-01T00:00`"),
        ("2026-13-01", "is no date and time"),
        ("tomorrow", "is no date and time"),
        (20261101, "write for example `start: 2026-11-01T00:00`"),
    ],
)
def test_a_start_that_begins_no_past_hour_is_refused(complaints: Complaints, start: object, message: str) -> None:
    assert message in complaints(start=start)["start"]
    assert message in complaints(accounts=[account(start=start)])["accounts[0].start"]


def test_the_hour_that_has_just_begun_can_be_the_start(load: Load) -> None:
    assert load(start="2026-11-21T12:00").start == NOW


# Retention


def held(**changes: Any) -> dict[str, Any]:
    return {"legal_hold": [{"feeds": "acme.com *", "reason": "case 2026/17", **changes}]}


def test_retention_is_off_until_it_is_asked_for(load: Load) -> None:
    assert retention_of(load()) == Retention()
    assert retention_of(load(retention={"mail_days": None, "legal_hold": []})) == Retention()


def test_retention_is_days_by_category_and_holds_with_their_hours_in_the_time_zone(load: Load) -> None:
    written = {"mail_days": 90, "quarantine_days": "30", **held(**{"from": "2026-03-01T00:00", "until": "2026-07-01"})}
    got = retention_of(load(timezone="Europe/Istanbul", retention=written))
    assert got.days == {"mail": 90, "quarantine": 30}
    first, until = (datetime(2026, month, 1, tzinfo=ZoneInfo("Europe/Istanbul")).timestamp() for month in (3, 7))
    assert got.holds == (Hold("acme.com *", int(first), int(until), "case 2026/17"),)


@pytest.mark.parametrize("key", ["mail_days", "quarantine_days", "authentication_days"])
def test_days_of_retention_have_bounds_and_the_error_says_them(load: Load, complaints: Complaints, key: str) -> None:
    for good in (2, 3660):
        assert getattr(load(retention={key: good}).retention, key) == good
    for wrong in (0, 3661, -1, True, 1.5, "many", [1]):
        assert "number from 1 to 3660" in complaints(retention={key: wrong})[f"retention.{key}"], wrong


@pytest.mark.parametrize(
    ("collect", "least"),
    [
        ({}, 2),
        ({"lookback_hours": 0}, 1),
        ({"lookback_hours": 0, "settle_minutes": 0}, 1),
        ({"lookback_hours": 22, "settle_minutes": 59}, 1),
        ({"lookback_hours": 22, "settle_minutes": 60}, 2),
        ({"lookback_hours": 48}, 3),
        ({"lookback_hours": "48", "settle_minutes": 10.0}, 3),
        ({"lookback_hours": 360, "settle_minutes": 1440}, 17),
    ],
)
def test_days_must_be_more_than_what_is_listed_again(
    load: Load, complaints: Complaints, collect: dict[str, Any], least: int
) -> None:
    assert load(collect=collect, retention={"mail_days": least}).retention.mail_days == least
    if least > 1:
        told = complaints(collect=collect, retention={"mail_days": least - 1})
        assert f"write {least} or more" in told["retention.mail_days"]


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"feeds": "amce.com *"}, "feeds", "is like no feed of these settings or of the storage; feeds are written"),
        ({"feeds": "acme.com authentication"}, "feeds", "is like no feed"),
        ({"feeds": "acme.com"}, "feeds", "is no pattern of feeds; write domain and feed"),
        ({"feeds": ""}, "feeds", "is no pattern of feeds"),
        ({"from": "yesterday"}, "from", "is no date and time"),
        ({"from": "2026-03-01T00:30"}, "from", "write `2026-03-01T00:00`"),
        ({"from": "2026-03-01", "until": "2026-03-01"}, "until", "is not after `from`; nothing is held"),
        ({"from": "2026-03-02", "until": "2026-03-01"}, "until", "is not after `from`"),
        ({"reason": ""}, "reason", "is no reason; write one line"),
        ({"reason": "x" * 201}, "reason", "is no reason"),
        ({"to": "2026-03-01"}, "to", "is no key that settings know"),
        ({"form": "2026-03-01"}, "form", "did you mean `from`?"),
    ],
)
def test_a_hold_that_would_not_hold_what_is_meant_is_refused(
    complaints: Complaints, changes: dict[str, Any], path: str, message: str
) -> None:
    told = complaints(retention=held(**changes))
    assert list(told) == [f"retention.legal_hold[0].{path}"]
    assert message in told[f"retention.legal_hold[0].{path}"]


def test_a_hold_without_a_reason_is_refused(complaints: Complaints) -> None:
    told = complaints(retention={"legal_hold": [{"feeds": "*"}]})
    assert "is missing; write for example `reason: case 2026/17`" in told["retention.legal_hold[0].reason"]


@pytest.mark.parametrize("feeds", ["*", "acme.com mail/incominglog", "ACME.com mail/*", "*.com *", "bücher.example *"])
def test_a_hold_means_feeds_of_the_settings_however_they_are_written(load: Load, feeds: str) -> None:
    accounts = [account(), account(domain="bücher.example", api_key="${KEY_B}")]
    [hold] = retention_of(load(accounts=accounts, retention=held(feeds=feeds))).holds
    assert (hold.first, hold.until) == (None, None)


def test_a_hold_may_mean_a_feed_that_is_stored_and_no_longer_collected(
    load: Load, complaints: Complaints, tmp_path: Path
) -> None:
    pattern = "gone.example mail/*"
    assert "is like no feed" in complaints(retention=held(feeds=pattern))["retention.legal_hold[0].feeds"]
    (tmp_path / "data" / "manifests" / "gone.example" / "mail" / "outgoinglog").mkdir(parents=True)
    assert load(retention=held(feeds=pattern)).retention.legal_hold[0].feeds == pattern


def test_a_hold_on_an_object_store_is_looked_at_by_housekeeping(load: Load) -> None:
    assert load(storage="s3://bucket/prefix", retention=held(feeds="gone.example *")).retention.legal_hold


def test_days_are_judged_however_the_number_is_written(complaints: Complaints) -> None:
    for written in (1, 1.0, "1", "1.0"):
        assert "1 is too short" in complaints(retention={"mail_days": written})["retention.mail_days"]


def test_a_storage_that_cannot_be_looked_at_for_held_feeds_is_told(
    complaints: Complaints, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(layout: Layout) -> Any:
        raise PermissionError(13, "Permission denied", "output")

    monkeypatch.setattr(checks, "stored_feeds", refuse)
    told = complaints(retention=held(feeds="gone.example *"))
    assert told == {"storage": "holds output, which cannot be read (Permission denied)"}


def test_a_wrong_account_is_not_told_a_second_time_by_the_holds(complaints: Complaints) -> None:
    told = complaints(accounts=[account(feeds=["mail/incoming"])], retention=held(feeds="acme.com mail/incominglog"))
    assert list(told) == ["accounts[0].feeds[0]"]


# Alerts

HOOK = "https://hooks.example.com/services/T0/B0/s3cret?sig=m0re"
PASSWORD = "s3cret of the mail server"
TELLING = {**ENVIRON, "HOOK": HOOK, "PASSWORD": PASSWORD}
MAIL = {"to": ["ops@example.com"], "from": "mailevents@bücher.example", "smtp_host": "smtp.example.com"}
SIGNS_IN = {**MAIL, "user": "somebody", "password": "${PASSWORD}"}


def test_nobody_is_told_until_it_is_asked_for(load: Load) -> None:
    assert not load().alerts.are_on
    assert load().alerts == load_settings(EXAMPLE, {"UZMANPOSTA_KEY_EXAMPLE_COM": KEY}, NOW).alerts
    assert load(environ=TELLING, alerts={"webhook": "${HOOK}"}).alerts.are_on
    assert load(alerts={"mail": MAIL}).alerts.are_on


def test_alerts_hold_the_names_of_their_variables_and_never_the_values(load: Load) -> None:
    loaded = load(environ=TELLING, alerts={"webhook": "${HOOK}", "mail": SIGNS_IN})
    assert (loaded.alerts.webhook_variable, loaded.alerts.mail.password_variable) == ("HOOK", "PASSWORD")
    assert loaded.alerts.mail.sender == "mailevents@xn--bcher-kva.example"
    assert not [secret for secret in (HOOK, PASSWORD) if secret in repr(loaded) + loaded.model_dump_json()]


@pytest.mark.parametrize(
    ("alerts", "path", "message"),
    [
        ({"webhook": HOOK}, "alerts.webhook", "a secret never stands in this file"),
        ({"webhook": "x${HOOK}"}, "alerts.webhook", "is not `${NAME}`"),
        ({"webhook": "${UNSET}"}, "alerts.webhook", "UNSET is not set or empty"),
        ({"webhook": "${KEY_A}"}, "alerts.webhook", "is no https address"),
        ({"mail": {"to": ["ops@example.com"]}}, "alerts.mail.from", "is missing beside `to`"),
        ({"mail": {"to": ["ops@example.com"]}}, "alerts.mail.smtp_host", "is missing beside `to`"),
        ({"mail": {**MAIL, "user": "somebody"}}, "alerts.mail.password", "is missing beside `user`"),
        ({"mail": {**MAIL, "password": "${PASSWORD}"}}, "alerts.mail.user", "is missing beside `password`"),
        ({"mail": {**SIGNS_IN, "password": PASSWORD}}, "alerts.mail.password", "a secret never stands in this file"),
        ({"mail": {**SIGNS_IN, "password": "${UNSET}"}}, "alerts.mail.password", "UNSET is not set or empty"),
        ({"mail": {**SIGNS_IN, "starttls": False}}, "alerts.mail.starttls", "password unencrypted"),
        ({"mail": {**SIGNS_IN, "starttls": "false"}}, "alerts.mail.starttls", "password unencrypted"),
        ({"mail": {**MAIL, "to": ["Ops <ops@example.com>"]}}, "alerts.mail.to[0]", "is no mail address"),
        ({"mail": {**MAIL, "to": ["ops"]}}, "alerts.mail.to[0]", "is no mail address"),
        ({"mail": {**MAIL, "to": "ops@example.com"}}, "alerts.mail.to", "is not a list; write for example `to: ["),
        ({"mail": {**MAIL, "smtp_host": "smtp.example.com:587"}}, "alerts.mail.smtp_host", "is no name of a server"),
        ({"mail": {**MAIL, "smtp_port": 0}}, "alerts.mail.smtp_port", "from 1 to 65535"),
        ({"repeat_hours": 0}, "alerts.repeat_hours", "from 1 to 8760"),
        ({"webhok": HOOK}, "alerts.webhok", "did you mean `webhook`?"),
    ],
)
def test_alerts_that_could_not_be_sent_are_refused(
    complaints: Complaints, alerts: dict[str, Any], path: str, message: str
) -> None:
    told = complaints(environ=TELLING, alerts=alerts)
    assert message in told[path]
    assert not [secret for secret in ("s3cret", KEY) if secret in str(told)]


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/s3cret", "https://user:s3cret@hooks.example.com", "https:///s3cret", "s3cret",
        "https://hooks.example.com:0/s3cret", "https://[::1/s3cret", "https://hooks.example.com/s3 cret", "ftp://x/s3cret",
        " https://hooks.example.com/s3cret", "https://hooks.example.com/s3cret\n",
    ],
)  # fmt: skip
def test_a_webhook_that_is_not_safe_is_refused_and_not_shown(complaints: Complaints, url: str) -> None:
    told = complaints(environ={**TELLING, "HOOK": url}, alerts={"webhook": "${HOOK}"})
    assert list(told) == ["alerts.webhook"]
    assert "s3" not in str(told)


@pytest.mark.parametrize("url", [HOOK, "http://127.0.0.1:8065/hooks/x", "https://prod-1.example.com:443/a?b=c&d=e%20f"])
def test_a_webhook_that_is_safe_is_taken(load: Load, url: str) -> None:
    assert load(environ={**TELLING, "HOOK": url}, alerts={"webhook": "${HOOK}"}).alerts.are_on


def test_a_mail_server_on_this_machine_may_do_without_tls(load: Load) -> None:
    mail = {**SIGNS_IN, "starttls": False, "smtp_host": "localhost"}
    assert load(environ=TELLING, alerts={"mail": mail}).alerts.mail.starttls is False


@pytest.mark.parametrize(
    "slip", ["alerts: 'webhook:https://x/s3cret'", "alerts: {mail: 'password: s3cret'}", "alerts: {webhook: [s3cret]}"]
)
def test_a_slip_of_the_pen_shows_no_secret_of_alerts(load: Load, slip: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(yaml.safe_dump(document()) + slip)
    assert "s3cret" not in str(caught.value)


def test_a_start_that_the_clock_skips_is_refused(complaints: Complaints) -> None:
    told = complaints(timezone="Europe/Berlin", start="2026-03-29T02:00")
    assert "the clock skips it" in told["start"]


def test_an_account_cannot_start_before_the_grid_of_hours(complaints: Complaints) -> None:
    told = complaints(accounts=[account(start="2026-10-31T23:00")])
    assert "lies before the general `start`" in told["accounts[0].start"]


def test_a_feed_unknown_or_there_twice_is_named(complaints: Complaints) -> None:
    feeds = ["mail/incominglog", "mail/incomminglog", "mail/incominglog"]
    told = complaints(accounts=[account(feeds=feeds)])
    assert "did you mean `mail/incominglog`?" in told["accounts[0].feeds[1]"]
    assert all(f"`{name}`" in told["accounts[0].feeds[1]"] for name in FEED_KINDS)
    assert "in this list already" in told["accounts[0].feeds[2]"]


def test_domains_that_are_equal_or_meet_in_one_asset_name_are_named(complaints: Complaints) -> None:
    domains = ["a-b.com", "A-B.com", "a.b.com", "bücher.example", "xn--bcher-kva.example"]
    told = complaints(accounts=[account(domain=domain) for domain in domains])
    assert "is the domain of accounts[0] already" in told["accounts[1].domain"]
    assert "both named a_b_com in Dagster" in told["accounts[2].domain"]
    assert "is the domain of accounts[3] already" in told["accounts[4].domain"]


@pytest.mark.parametrize(
    "domain",
    [
        "../x", "a b.com", "a.b/c", "", " ", "acme", "acme.com.", ".acme.com", "a..com", "-a.com", "a-.com", "a_b.com",
        "a" * 64 + ".com", ".".join(["a" * 60] * 5) + ".com", "ü" * 63 + ".com", "ü" * 5000 + ".com", "127.0.0.1",
        "*.acme.com",
        "me@acme.com", "https://acme.com", "xn--a.com", "\u200f.com", "İstanbul.com", "ş-.com", "acme.com\\..",
    ],
)  # fmt: skip
def test_what_is_no_domain_is_refused(complaints: Complaints, domain: str) -> None:
    told = complaints(accounts=[account(domain=domain)])
    assert "is no domain" in told["accounts[0].domain"]


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com", "http://localhost.example.com", "http://128.0.0.1", "http://127.1", "http://0.0.0.0",
        "http://[::2]", "ftp://example.com", "file:///etc/passwd", "example.com", "https://", "https:///v2", "",
        "https://a b.com", "https://example.com:99999", "https://example.com:0", "https://[::1", "https://example.com?",
        "https://example.com/#", "https://example.com\\@evil.com", "https://bücher.example", "Simulator",
        "https://user:hidden@example.com", "https://user@example.com", "https://ex<>.com",
    ],
)  # fmt: skip
def test_an_address_that_is_not_safe_for_a_key_is_refused(complaints: Complaints, url: str) -> None:
    assert list(complaints(api={"base_url": url})) == ["api.base_url"]
    assert list(complaints(accounts=[account(base_url=url)])) == ["accounts[0].base_url"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{domain}_%Y-%m-%d.log", "the same name"),
        ("{domain}_%Y-%m_%H.log", "the same name"),
        ("{domain}_%m-%d_%H.log", "the same name"),
        ("%Y-%V-%u_%H.log", "the same name"),
        ("%F_%%H.log", "the same name"),
        ("x.log", "the same name"),
        ("%F/%H.log", "without folders"),
        ("..\\%F_%H.log", "without folders"),
        ("{domain}_{feed}_%F_%H.log", "in braces and nothing else"),
        ("{domain!r}_%F_%H.log", "in braces and nothing else"),
        ("{{}}_%F_%H.log", "in braces and nothing else"),
        ("%F_%H_%T.log", "no other code"),
        ("%F_%-H.log", "no other code"),
        ("%F_%H%.log", "no other code"),
        ("%F:%H.log", "Windows refuses"),
        ("%F_%H?.log", "Windows refuses"),
        ("%F_%H.log ", "Windows refuses"),
        ("con.%F_%H.log", "Windows refuses"),
        ("", "Windows refuses"),
        ("%F.%H", "after its last dot"),
        ("%F_%H" + "x" * 300 + ".log", "bytes too long"),
        ("%F_%H" + "ü" * 120 + ".log", "bytes too long"),
    ],
)
def test_a_pattern_that_cannot_name_every_log_file_is_refused(complaints: Complaints, name: str, message: str) -> None:
    assert message in complaints(log_file_name=name)["log_file_name"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("messages.log", "the code %Y"),
        ("messages_%m-%d_%H.log", "the code %Y"),
        ("messages_%Y-%m-%d_%H%M.log", "no other"),
        ("messages_%Y_%Y.log", "each once"),
        ("messages_{domain}_%Y.log", "nor braces"),
        ("logs/messages_%Y.log", "without folders"),
        ("messages_%Y:%m.log", "Windows refuses"),
    ],
)
def test_a_pattern_that_cannot_name_operating_logs_is_refused(complaints: Complaints, name: str, message: str) -> None:
    assert message in complaints(operating_logs={"errors": name})["operating_logs.errors"]


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"operating_logs": {"errors": "messages_%Y-%m-%d_%H.log"}}, "operating_logs.errors"),
        (
            {"operating_logs": {"messages": "all_%Y-%m-%d_%H.log"}, "log_file_name": "all_%Y-%m-%d_%H.log"},
            "operating_logs.messages",
        ),
    ],
)
def test_logs_that_would_be_written_into_one_file_are_refused(
    complaints: Complaints, changes: dict[str, Any], path: str
) -> None:
    assert "has that name already" in complaints(**changes)[path]


@pytest.mark.parametrize("name", ["a/b", "a:b", "", "con", "x" * 201])
def test_a_heartbeat_name_that_cannot_begin_a_files_name_is_refused(complaints: Complaints, name: str) -> None:
    told = complaints(accounts=[account(sections={"mail/incominglog": name})])
    assert list(told) == ["accounts[0].sections['mail/incominglog']"]


def test_the_longest_domain_decides_whether_names_are_short_enough(load: Load, complaints: Complaints) -> None:
    long = [account(), account(domain=".".join(["a" * 61] * 4))]
    assert "bytes too long" in complaints(accounts=long)["log_file_name"]
    assert load(accounts=long, log_file_name="{type}_%F_%H.log").log_file_name


@pytest.mark.parametrize(
    "storage", ["", "s3://", "s3:///", "s3://key:hidden@bucket/x", "/dev/null", "~nobody-at-all/x"]
)
def test_a_storage_that_cannot_be_one_is_refused(complaints: Complaints, storage: str) -> None:
    told = complaints(storage=storage)
    assert list(told) == ["storage"]
    assert "hidden" not in told["storage"]


def test_stored_data_in_another_time_zone_are_an_error_with_two_ways_out(
    load: Load, complaints: Complaints, tmp_path: Path
) -> None:
    (tmp_path / "data" / "manifests").mkdir(parents=True)
    file = tmp_path / "data" / "manifests" / "store.json"
    file.write_text('{"timezone": "Europe/Istanbul"}')
    assert load(timezone="Europe/Istanbul").timezone == "Europe/Istanbul"
    told = complaints()["timezone"]
    assert "is UTC" in told
    assert "write `timezone: Europe/Istanbul`" in told
    assert "choose another storage folder" in told


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"{}", b'{"timezone": 3}', b'{"timezone": "a\\nb"}', b"\xff", b"[" * 99999]
)
def test_a_damaged_description_of_the_store_is_a_problem(
    complaints: Complaints, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "data" / "manifests").mkdir(parents=True)
    (tmp_path / "data" / "manifests" / "store.json").write_bytes(content)
    assert "store.json" in complaints()["storage"]


def test_a_description_of_the_store_that_is_a_folder_is_a_problem(complaints: Complaints, tmp_path: Path) -> None:
    (tmp_path / "data" / "manifests" / "store.json").mkdir(parents=True)
    assert "cannot be read" in complaints()["storage"]


# Secrets


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
    assert load(environ={"KEY_A": value}).accounts[0].api_key_variable == "KEY_A"


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


# Files that are no settings


@pytest.mark.parametrize(
    ("content", "path", "message"),
    [
        (b"", "", "is empty; write `start:` and `accounts:`"),
        (b"# nothing\n", "", "is empty"),
        (b"---\n...\n", "", "is empty"),
        (b"[1, 2]", "", "is no mapping"),
        (b"text", "", "is no mapping"),
        (b"start: 2026-11-01\napi:\n\tpage_limit: 3\n", "", "line 3"),
        (b"api: [1\nstart: 3", "", "line 2"),
        (b"a: 1\n--- \nb: 2", "", "line 2"),
        (b"start: \xff\n", "", "line 1 is not UTF-8"),
        ("start: 1".encode("utf-16"), "", "not UTF-8"),
        (b"start: 1\nx: a\x00b", "", "line 2 holds a control character"),
        (b"a: " + b"[" * 600, "", "nest"),
        (b"x: &a [*a]", "", "contains itself"),
        (b"x: &a {<<: *a}", "x", "no key that settings know"),
        (b"x: &a {a: *a}", "", "contains itself"),
        (b"# " + b"x" * 1_000_001, "", "megabyte"),
        (b"start: 2026-11-01\nstart: 2026-11-02\n", "start", "more than once"),
        (b"api: {page_limit: 1, page_limit: 1}", "api.page_limit", "more than once"),
        (b"accounts: [{domain: a.com, domain: b.com}]", "accounts[0].domain", "more than once"),
        (b"timezone: !!python/object:os.system x", "timezone", "tag"),
        (b"api: !!set {a}", "api", "tag"),
        (b"api: {page_limit: !!int x}", "api.page_limit", "no value that YAML can read"),
        (b"api: {page_limit: " + b"9" * 5000 + b"}", "api.page_limit", "no value that YAML can read"),
        (b"api: {page_limit: 0x" + b"f" * 5000 + b"}", "api.page_limit", "from 1 to 1000"),
        (b'timezone: "a\\nb"', "timezone", "line break or control character"),
        (b'timezone: "\\ud800"', "timezone", "line break or control character"),
        (b"api: {[1]: 2}", "api", "no plain text"),
        (b"api: {<<: 3}", "api", "merges"),
        (b"1: 2", "1", "no key that settings know"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_settings_is_told_why(
    complaints: Complaints, content: bytes, path: str, message: str
) -> None:
    assert message in complaints(content)[path]


def test_a_file_whose_aliases_multiply_ends_soon(complaints: Complaints) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    assert "far more values" in complaints("\n".join(lines))[""]


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


@NO_FIXTURE_PER_EXAMPLE
@given(st.dictionaries(KEYS, RUBBISH, max_size=7))
def test_no_rubbish_raises_anything_but_a_settings_error(load: Load, rubbish: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        load(yaml.safe_dump(rubbish).encode("utf-8", "surrogatepass"))


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


def test_settings_load_without_dagster() -> None:
    program = "import sys, mailevents_dagster.settings; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
