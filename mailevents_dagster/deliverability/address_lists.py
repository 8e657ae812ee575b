"""Lists that addresses are compared with: names of roles, large domains of mailboxes, ends that people mistype."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import Final


def _list(name: str) -> frozenset[str]:
    lines = (files(__package__) / "lists" / f"{name}.txt").read_text("utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


ROLES: Final = _list("roles")
LARGE_DOMAINS: Final = _list("large_domains")
KNOWN_DOMAINS: Final = _list("known_domains")
SLIPS: Final[Mapping[str, str]] = {
    **dict.fromkeys(
        ("con", "cmo", "ocm", "vom", "xom", "cim", "cpm", "comm", "coom", "om", "cm", "comn", "col"), "com"
    ),
    **dict.fromkeys(("ney", "nte", "ent", "nett", "met", "ner"), "net"),
    **dict.fromkeys(("ry", "rtu", "ruu"), "ru"),
}
"""Ends that are hardly ever meant, and what is: `gmail.con`. Some are ends of countries, where gmail has no name."""
