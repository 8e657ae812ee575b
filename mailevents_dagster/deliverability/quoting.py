"""Words of others as messages may hold them: short, on one line, no Markdown, no address of a person."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mailevents_dagster.files.printable import printable

LONGEST: Final = 120
MOST: Final = 5
"""Things that one message names; the rest are counted."""


def quoted(text: str) -> str:
    """Return a text in quotes, or what it is where it may hold an address."""
    return "a text with an address" if "@" in text else f"`{printable(text, LONGEST).replace('`', chr(39))}`"


def few(things: Iterable[str]) -> str:
    """Return the first of these in one line, and how many more there are."""
    found = [*things]
    rest = len(found) - MOST
    return "; ".join([*found[:MOST], *([f"and {rest:,} more"] if rest > 0 else [])])
