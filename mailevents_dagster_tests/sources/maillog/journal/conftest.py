"""A journal that journalctl takes for that of this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster_tests.sources.maillog.journal.journals import here


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the journal of this machine."""
    folder = tmp_path / "journal"
    here(folder, monkeypatch)
    return folder
