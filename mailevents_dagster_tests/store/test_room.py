"""The rooms below the sources depend on nothing above them, and no two of their modules on each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import mailevents_dagster

PACKAGE = Path(mailevents_dagster.__file__).parent
ROOMS = ("model", "files", "store")
MODULES = {
    ".".join(("mailevents_dagster", *path.relative_to(PACKAGE).with_suffix("").parts)): path
    for room in ROOMS
    for path in (PACKAGE / room).rglob("*.py")
}


def imported(path: Path) -> Iterator[str]:
    """Yield what a module imports, also for its types alone."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from (node.module, *(f"{node.module}.{name.name}" for name in node.names))
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def test_no_module_needs_another_that_needs_it() -> None:
    needs = {name: MODULES.keys() & set(imported(path)) for name, path in MODULES.items()}
    assert len([*TopologicalSorter(needs).static_order()]) == len(MODULES)


@pytest.mark.parametrize("name", MODULES)
def test_nothing_is_imported_from_the_rooms_above_nor_from_dagster(name: str) -> None:
    for other in imported(MODULES[name]):
        above, _, room = other.partition(".")
        assert above != "dagster"
        assert above != "mailevents_dagster" or room.partition(".")[0] in ("", *ROOMS)
