"""Files that do not hold what they must: set aside under a name that says so, never believed and never deleted."""

from __future__ import annotations

from itertools import count

from upath import UPath


class DamagedError(Exception):
    """A stored file does not hold what it must; the text names it."""


def set_aside(path: UPath) -> UPath:
    """Rename the file to `NAME.damaged`, or with a number behind it where that is taken; return the new path."""
    names = (path.with_name(f"{path.name}.damaged{number or ''}") for number in count())
    aside = next(name for name in names if not name.exists())
    path.rename(aside)
    return aside
