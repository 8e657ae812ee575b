"""The command as a process, an API, and the store that was collected from it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.simulator import FixedMail, Simulator
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store
from mailevents_dagster_tests.cli.verify.collected import Verify
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.conftest import KEY

SETTINGS = """
start: 2026-11-01T00:00
storage: ./data
api: {{base_url: "{base_url}", requests_per_second: null, max_attempts: 1}}
accounts:
  - domain: example.com
    api_key: ${{UZMANPOSTA_KEY}}
    feeds: [mail/incominglog, authentication, quarantine/hold]
"""


@pytest.fixture
def api(fixed: FixedMail) -> Iterator[Simulator]:
    with Simulator(source=fixed) as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, api: Simulator, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("UZMANPOSTA_KEY", KEY)
    (tmp_path / "mailevents.yaml").write_text(SETTINGS.format(base_url=api.base_url))
    return load_settings(tmp_path / "mailevents.yaml")


@pytest.fixture
def store(settings: Settings) -> Store:
    return store_of(settings)


@pytest.fixture
def verify(settings: Settings, tmp_path: Path) -> Verify:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        before = contents(tmp_path / "data")
        environ = {**os.environ, "MAILEVENTS_CONFIG": str(settings.source)}
        done = mailevents("verify", *arguments, environ=environ)
        assert contents(tmp_path / "data") == before
        assert "Traceback" not in done.stderr
        assert KEY not in done.stdout + done.stderr
        return done

    return run


def contents(folder: Path) -> dict[str, bytes]:
    """Every file but the budgets, which count calls."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.suffix != ".budget"}
