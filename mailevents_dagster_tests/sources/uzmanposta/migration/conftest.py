"""An installation of the old tool to move over from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import OldTool, old_tool


@pytest.fixture
def old(tmp_path: Path) -> OldTool:
    return old_tool(tmp_path)
