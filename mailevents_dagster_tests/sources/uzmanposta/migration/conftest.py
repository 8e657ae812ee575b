"""An installation of the old tool to move over from."""

from __future__ import annotations

from pathlib import Path

import pytest

from mailevents_dagster_tests.sources.uzmanposta.migration.adopted import AUTH, POSITION
from mailevents_dagster_tests.sources.uzmanposta.migration.migrated import EARLIER, LATER
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import INI, OldTool, old_tool


@pytest.fixture
def old(tmp_path: Path) -> OldTool:
    return old_tool(tmp_path)


@pytest.fixture
def tool(old: OldTool) -> OldTool:
    old.ini(INI + AUTH)
    for section in ("in", "out", "auth"):
        old.position(section, POSITION)
    return old


@pytest.fixture
def two(old: OldTool) -> OldTool:
    """Two sections of a domain, at different positions."""
    old.ini(INI, bom=True)
    old.position("in", EARLIER)
    old.position("out", f"{LATER}\n")
    return old
