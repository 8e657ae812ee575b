"""A domain whose mail leaves by two servers."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster_tests.sources.maillog.mail_server import NOON, stamp
from mailevents_dagster_tests.sources.outcomes.two_servers import MADE_OF_TWO, write


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    for name in ("one.log", "two.log"):  # which reach further back than the hours that are collected
        write(tmp_path, name, f"{stamp(NOON.start - 86_400)} mx1 postfix/master[1]: daemon started")
    file = tmp_path / "mailevents.yaml"
    file.write_text(MADE_OF_TWO.format(folder=tmp_path))
    return load_settings(file)
