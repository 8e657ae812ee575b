"""The rooms of the house: which may import from which."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mailevents_dagster

PACKAGE = Path(mailevents_dagster.__file__).parent
ROOMS = (
    "model",
    "files",
    "sharing",
    "failures",
    "settings",
    "store",
    "deliveries",
    "sources",
    "collecting",
    "health",
    "summaries",
    "deliverability",
    "alerts",
    "orchestration",
    "cli",
    "build",
    "definitions",
)
"""Each may import from those before it, and from itself."""


@cache
def imports() -> Sequence[tuple[str, str]]:
    """Return each file of the package with each module of the package that it imports, anywhere in it."""
    return [
        (str(file.relative_to(PACKAGE).with_suffix("")), str(node.module).partition(".")[2])
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE.name}.")
    ]


def test_a_room_imports_only_from_rooms_below_it() -> None:
    upwards = [
        f"{file} imports {module}"
        for file, module in imports()
        if ROOMS.index(module.partition(".")[0]) > ROOMS.index(file.partition("/")[0])
    ]
    assert not upwards


def test_no_module_needs_another_that_needs_it() -> None:
    needs: dict[str, set[str]] = {}
    for file, module in imports():
        needs.setdefault(file, set()).add(module.replace(".", "/"))
    assert len([*TopologicalSorter(needs).static_order()]) >= len(needs)


LIVES = {"summaries/kinds", "summaries/lives", "orchestration/lives_asset", "orchestration/summary_io_manager"}
"""What makes a table of mail servers' lines, which no other source has."""
FROM_OUTSIDE = {
    "uzmanposta": {"cli/migrate", "cli/probe", "cli/simulate"},
    "maillog": {"cli/migrate", "sources/outcomes/notices/log_lines", *LIVES},
    "mailbox": {"cli/deliver", "cli/import_pst", "cli/migrate", "deliverability/lint/part"},
    "webhook": {"cli/receive"},
    "outcomes": {"cli/", "deliverability/", "orchestration/deliverability_assets", "sources/mailbox/outcomes"},
}
"""A source's own commands, and what is made of its feeds alone; of a folder, all that is in it."""


@pytest.mark.parametrize("source", [*FROM_OUTSIDE])
def test_only_the_catalog_and_what_is_a_sources_own_import_it_from_outside(source: str) -> None:
    own = (f"sources/{source}/", "sources/catalog", *FROM_OUTSIDE[source])
    assert not [
        file for file, module in imports() if f"{module}.".startswith(f"sources.{source}.") and not file.startswith(own)
    ]


def test_the_list_of_exceptions_has_all_sources() -> None:
    # What is answered of deliverability is made of the outcomes, and of their section of the settings.
    assert {*FROM_OUTSIDE, "outcomes"} == {
        folder.name for folder in (PACKAGE / "sources").iterdir() if (folder / "source.py").exists()
    }


def test_nothing_stands_loose_but_what_puts_it_together() -> None:
    assert {file.stem for file in PACKAGE.glob("*.py")} == {"__init__", "build", "definitions"}


def test_no_module_is_longer_than_300_lines() -> None:
    lines = {file.name: len(file.read_text("utf-8").splitlines()) for file in PACKAGE.rglob("*.py")}
    assert max(lines.values()) <= 300, sorted(lines.items(), key=lambda pair: pair[1])[-3:]
