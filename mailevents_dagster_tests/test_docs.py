"""Pages that come from the code say what the code says."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md")), *sorted(CHECKOUT.glob("benchmarks/*.md"))]


GENERATED = runpy.run_path(str(CHECKOUT / "docs" / "generate.py"))


@pytest.mark.parametrize("name", GENERATED["PAGES"])
def test_a_page_that_comes_from_the_code_is_current(name: str) -> None:
    written = (CHECKOUT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    assert written == GENERATED["page"](name), "run: make docs"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", page.read_text(encoding="utf-8"))
    assert not [link for link in links if not (page.parent / link).exists()]


def test_every_make_target_in_the_readme_exists() -> None:
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z]+)", (CHECKOUT / "README.md").read_text(), flags=re.MULTILINE))
    assert named
    assert named <= targets
