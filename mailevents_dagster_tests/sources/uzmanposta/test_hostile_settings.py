"""Domains that nobody writes into settings by accident."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailevents_dagster.settings import SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster_tests.conftest import KEY, START
from mailevents_dagster_tests.sources.uzmanposta.fixed_hours import files_below
from mailevents_dagster_tests.sources.uzmanposta.hostile import (
    fit_for_a_log,
)


@pytest.mark.parametrize(
    "domain",
    [
        "../x", "a/b", "a.com/../b.com", "/etc", "..", ".", "a\x00.com", "a.com\x00", "a.com\n", "a\nb.com", "a.com\r",
        "a.com\x1b[31m", "a.com\x85", "a.com\u2028", "\u202ea.com", "\ud800.com", 'a".com', "a'.com", "a.com\\..\\x",
        "{type}.com", "%Y.com", "x" * 500_000 + ".com",
    ],
)  # fmt: skip
def test_a_hostile_domain_in_the_settings_is_refused_with_a_message_of_one_line(domain: str, tmp_path: Path) -> None:
    entry: dict[str, Any] = {"domain": domain, "api_key": "${KEY}", "feeds": ["authentication"]}
    file = tmp_path / "mailevents.yaml"
    file.write_text(yaml.safe_dump({"start": "2026-11-01T00:00", "accounts": [entry]}))
    with pytest.raises(SettingsError) as raised:
        load_settings(file, {"KEY": KEY}, float(START))
    [problem] = raised.value.problems
    assert problem.path == "accounts[0].domain"
    assert fit_for_a_log(str(problem))
    assert list(files_below(tmp_path)) == [file.name]
