"""Pages that come from the code say what the code says."""

from __future__ import annotations

import ast
import re
import runpy
from collections.abc import Iterator
from pathlib import Path

import dagster
import pytest

CHECKOUT = Path(__file__).parents[1]
SOURCES = CHECKOUT / "mailevents_dagster"
OPERATIONS = CHECKOUT / "docs" / "operations.md"
PAGES = [
    *sorted(CHECKOUT.glob("*.md")),
    *sorted((CHECKOUT / "docs").rglob("*.md")),
    *sorted(CHECKOUT.glob("benchmarks/*.md")),
]


GENERATED = runpy.run_path(str(CHECKOUT / "docs" / "generate.py"))


@pytest.mark.parametrize("name", GENERATED["PAGES"])
def test_a_page_that_comes_from_the_code_is_current(name: str) -> None:
    written = (CHECKOUT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert written == GENERATED["page"](name), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_a_heading_lead_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://)([^)#\s]*)#([^)\s]+)\)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if link[1] not in anchors(page.parent / link[0] if link[0] else page)]


def anchors(page: Path) -> set[str]:
    """The headings of a page as addresses name them."""
    headings = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_index_names_every_page() -> None:
    index = (CHECKOUT / "docs" / "README.md").read_text(encoding="utf-8")
    linked = {(CHECKOUT / "docs" / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", index)}
    assert {page for page in PAGES if not page.name.startswith("README")} <= linked


def test_the_map_of_the_house_names_what_is_there() -> None:
    house = (CHECKOUT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Map of the house")[2]
    rows = [line.split("|")[1:3] for line in house.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert rows
    package = CHECKOUT / "mailevents_dagster"
    for where, what in rows:
        places = re.findall(r"`([\w/.]+)`", where)
        for place in places:
            assert (package / place).exists() or (CHECKOUT / place).exists(), place
        for name in re.findall(r"`(\w+\.py|\w+/)`", what):
            assert any((package / place / name).exists() for place in places), name


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", (CHECKOUT / "README.md").read_text(), flags=re.MULTILINE))
    assert named
    assert named <= targets


@pytest.mark.slow
def test_every_message_that_the_operations_page_explains_is_one_that_the_program_says() -> None:
    ours, _, dagsters = messages_explained().partition("### Dagster's own")
    said = "\n".join(text for file in SOURCES.rglob("*.py") for text in texts_of(file))
    server = "\n".join(texts_of(Path(dagster.__file__).parent / "_grpc" / "server.py"))
    client = "\n".join(texts_of(Path(dagster.__file__).parent / "_grpc" / "client.py"))
    assert len(words_of(ours)) > 50
    assert not [words for words in words_of(ours) if words not in said]
    assert not [words for words in words_of(dagsters) if words not in f"{server}\n{client}"]


def messages_explained() -> str:
    return OPERATIONS.read_text(encoding="utf-8").partition("## What to do for each message")[2]


def words_of(tables: str) -> list[str]:
    """What stands quoted in the first column of the tables."""
    rows = [line.split(" | ")[0] for line in tables.splitlines() if line.startswith("| ")]
    return [words for cell in rows for words in re.findall("`([^`]+)`", cell)]


def texts_of(file: Path) -> Iterator[str]:
    """The texts in a module as they are said, each on one line: pieces side by side joined, an … for what is filled in.

    What stands in docstrings is none of them.
    """
    tree = ast.parse(file.read_text(encoding="utf-8"))
    statements = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    told = {id(value) for value in statements if isinstance(value, ast.Constant)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(one.value) if isinstance(one, ast.Constant) else "…" for one in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value
