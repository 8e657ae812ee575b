"""The settings file where it is right: what is found, filled in and kept."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from mailevents_dagster.model.feed import readable_domain
from mailevents_dagster.settings import SettingsError, loading
from mailevents_dagster.sources.catalog import load_project, load_settings
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.settings import UzmanPostaSettings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.settings.documents import ENVIRON, EXAMPLE, KEY, NOW, Complaints, Load, account, document


def test_the_example_is_right_and_says_the_defaults(load: Load) -> None:
    example = load_settings(EXAMPLE, {"UZMANPOSTA_KEY_EXAMPLE_COM": KEY}, NOW)
    assert [str(feed) for feed in example.feeds] == [f"example.com {name}" for name in FEED_KINDS]
    assert example.start == int(datetime(2026, 11, 1, tzinfo=ZoneInfo("Europe/Istanbul")).timestamp())
    short = load()
    assert (example.api, example.collect, example.log_file_name) == (short.api, short.collect, short.log_file_name)
    assert short.timezone == "UTC"


def test_with_no_file_the_demo_runs_on_the_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "project_folder", lambda: tmp_path)
    demo = load_settings(environ={})
    assert demo.source is None
    assert demo.storage == str(tmp_path / "data")
    assert demo.timezone == "Europe/Istanbul"
    assert [one.domain for one in demo.section(UzmanPostaSettings).accounts] == ["kuzey.example", "deniz.example"]
    assert len(demo.feeds) == 20
    assert {
        (one.base_url, one.requests_per_second, one.api_key_variable)
        for one in demo.section(UzmanPostaSettings).accounts
    } == {("simulator", 500, None)}


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
        load_project()
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
    first, second = got.section(UzmanPostaSettings).accounts
    assert [one.start - got.start for one in got.configured] == [0, 29 * 3600]
    assert (first.base_url, first.requests_per_second, first.max_parallel_details) == (
        "https://x.example/v2",
        4,
        None,
    )
    assert second.base_url == "http://127.0.0.1:8000/api"
    assert (second.requests_per_second, second.max_parallel_details) == (None, 2)
    assert got.feeds[1] == feed_of("b.com", "mail/incominglog")


def test_the_settings_hold_the_name_of_the_key_and_never_the_key(load: Load) -> None:
    got = load()
    assert got.section(UzmanPostaSettings).accounts[0].api_key_variable == "KEY_A"
    assert KEY not in repr(got) + got.model_dump_json() + repr(vars(got)) + repr(got.__pydantic_private__)


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
    assert got.feeds == (feed_of("acme.com", "quarantine/quarantine"),)
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
    assert load(accounts=[account(domain=written)]).section(UzmanPostaSettings).accounts[0].domain == kept


@pytest.mark.parametrize("domain", ["bücher.example", "şirket.com.tr", "straße.de", "acme.com"])
def test_a_domain_in_punycode_is_readable_again(load: Load, domain: str) -> None:
    assert (
        readable_domain(load(accounts=[account(domain=domain)]).section(UzmanPostaSettings).accounts[0].domain)
        == domain
    )


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
    assert load(api={"base_url": url}).section(UzmanPostaSettings).accounts[0].base_url == url


def test_the_simulator_needs_no_key(load: Load) -> None:
    keyless = account(base_url="simulator")
    del keyless["api_key"]
    got = load(environ={}, accounts=[keyless, account(domain="b.com", base_url="simulator")])
    assert [one.api_key_variable for one in got.section(UzmanPostaSettings).accounts] == [None, None]


@pytest.mark.slow
def test_settings_load_without_dagster() -> None:
    program = "import sys, mailevents_dagster.settings; sys.exit('dagster' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_log_files_have_no_mode_of_their_own_until_it_is_asked_for(load: Load) -> None:
    assert load().log_file_mode is None
    assert load_settings(EXAMPLE, {"UZMANPOSTA_KEY_EXAMPLE_COM": KEY}, NOW).log_file_mode is None


@pytest.mark.parametrize(
    ("written", "mode"),
    [
        ('"0640"', 0o640),
        ('"640"', 0o640),
        ("0640", 0o640),
        ("640", 0o640),
        ("0644", 0o644),
        ("0600", 0o600),
        ("${MODE}", 0o604),
        ("null", None),
    ],
)
def test_the_mode_of_log_files_is_what_chmod_takes_it_for_with_or_without_quotes(
    load: Load, written: str, mode: int | None
) -> None:
    text = yaml.safe_dump(document()) + f"log_file_mode: {written}\n"
    got = load(text, environ={**ENVIRON, "MODE": "0604"})
    assert got.log_file_mode == mode
    assert store_of(got).log_file_mode == mode
