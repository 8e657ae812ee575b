"""Settings that are read, and what is said of wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.settings.documents import ENVIRON, NOW, Complaints, Load, document


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Settings as commands and Dagster have them: read, and beside what their storage holds."""

    def loaded(content: object = None, environ: dict[str, str] = ENVIRON, **changes: Any) -> Settings:
        file = tmp_path / "settings.yaml"
        if content is None:
            content = yaml.safe_dump(document(**changes), allow_unicode=True)
        file.write_bytes(content if isinstance(content, bytes) else str(content).encode())
        settings = load_settings(file, environ, NOW)
        store_of(settings)
        return settings

    return loaded


@pytest.fixture
def complaints(load: Load) -> Complaints:
    def complained(*args: Any, **changes: Any) -> dict[str, str]:
        with pytest.raises(SettingsError) as caught:
            load(*args, **changes)
        return {problem.path: problem.message for problem in caught.value.problems}

    return complained
