"""How far long work is, as a terminal and as a file get it."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from mailevents_dagster.cli import progress as module
from mailevents_dagster.cli.progress import progress


def shown(monkeypatch: pytest.MonkeyPatch, *, terminal: bool, every: float) -> str:
    """What is seen of three steps of a work of four."""
    monkeypatch.setattr(module, "SAY_EVERY", every)
    monkeypatch.setattr(module, "SHOW_EVERY", every)
    out = Console(file=StringIO(), force_terminal=terminal, width=100)
    with progress(out, 4, lambda done: f"{done} of 4 [files]") as tell:
        for _ in range(3):
            tell(1)
    assert isinstance(out.file, StringIO)
    return out.file.getvalue()


def test_where_no_terminal_is_it_is_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    said = shown(monkeypatch, terminal=False, every=0)
    assert said.splitlines() == ["1 of 4 [files]", "2 of 4 [files]", "3 of 4 [files]"]


def test_work_that_is_soon_done_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(monkeypatch, terminal=False, every=1000) == ""


def test_a_terminal_shows_a_bar_that_goes_when_the_work_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    said = shown(monkeypatch, terminal=True, every=0)
    assert "━" in said
    assert "3 of 4 [files]" in said
    assert said.endswith("\x1b[2K"), "the line is wiped"
