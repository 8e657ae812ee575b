"""The settings of reports: what is right, and what is said of what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.deliverability.arrivals import feeds_of
from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.outcomes.settings.section import DeliverabilitySettings, DomainSettings

BASE = """
timezone: UTC
start: 2026-11-01T00:00
storage: ./data
mailboxes:
  - {{address: dmarc@example.com, tenant_id: simulator}}
  - {{address: reports@example.org, tenant_id: simulator}}
deliverability:
  - domain: example.com
    {more}
"""


def load(folder: Path, more: str, **environ: str) -> Settings:
    file = folder / "mailevents.yaml"
    file.write_text(BASE.format(more=more))
    return load_settings(file, environ)


def judged(settings: Settings) -> DomainSettings:
    return settings.section(DeliverabilitySettings).judged("example.com")


def wrong(folder: Path, more: str, **environ: str) -> str:
    with pytest.raises(SettingsError) as error:
        load(folder, more, **environ)
    return str(error.value)


def test_no_reports_are_read_unless_the_settings_say_so(tmp_path: Path) -> None:
    assert judged(load(tmp_path, "")).reports is None
    assert judged(load(tmp_path, "reports: {}")).reports is not None


@pytest.mark.parametrize(
    ("more", "addresses"),
    [
        ("reports: {}", ["dmarc@example.com"]),
        ("reports: {mailboxes: [Reports@example.org]}", ["reports@example.org"]),
        ("reports: {mailboxes: []}", []),
        ("bounces_to: [reports@example.org]\n    reports: {}", ["reports@example.org"]),
    ],
    ids=["default", "named", "none", "bounces"],
)
def test_reports_come_to_the_mailboxes_that_are_named(tmp_path: Path, more: str, addresses: list[str]) -> None:
    settings = load(tmp_path, more)
    assert [feed.domain for feed in feeds_of(settings, judged(settings))] == addresses


def test_a_folder_is_seen_from_the_settings(tmp_path: Path) -> None:
    reports = judged(load(tmp_path, "reports: {folders: [in/dmarc]}")).reports
    assert reports is not None
    assert reports.folders == (str(tmp_path / "in" / "dmarc"),)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("reports: {mailboxes: [nobody@example.com]}", "`nobody@example.com` is not in mailboxes; add it there"),
        ("reports: {microsoft: {key: plain-text}}", "a secret never stands in this file"),
        ("reports: {microsoft: {key: '${SNDS_KEY}'}}", "the environment variable SNDS_KEY is not set or empty"),
        ("reports: {google: {}}", "service_account"),
        ("reports: {google: {service_account: a.json, base_url: 'https://x.example/?a=b'}}", "holds a query"),
        ("reports: {expected_within_days: 0}", "expected_within_days"),
        ("reports: {pass_rate_drop: 0}", "pass_rate_drop"),
        ("reports: {mailbox: a}", "mailbox"),
    ],
    ids=["mailbox", "plain", "unset", "google", "query", "days", "drop", "unknown"],
)
def test_what_is_wrong_is_said(tmp_path: Path, more: str, said: str) -> None:
    assert said in wrong(tmp_path, more)


def test_a_key_is_named_and_never_held(tmp_path: Path) -> None:
    settings = load(tmp_path, "reports: {microsoft: {key: '${SNDS_KEY}'}}", SNDS_KEY="a-distinctive-key")
    assert "a-distinctive-key" not in repr(settings)
    reports = judged(settings).reports
    assert reports is not None
    assert reports.microsoft is not None
    assert reports.microsoft.key_variable == "SNDS_KEY"
