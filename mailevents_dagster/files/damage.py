"""Files that do not hold what they must: set aside under a name that says so, never believed and never deleted."""

from __future__ import annotations

from itertools import count

from upath import UPath

from mailevents_dagster.files.atomic import local
from mailevents_dagster.files.objects import copied


class DamagedError(Exception):
    """A stored file does not hold what it must; the text names it."""


def set_aside(path: UPath) -> UPath:
    """Rename the file to `NAME.damaged`, or with a number behind it where that is taken; return the new path.

    On an object store it is copied, and stays until it is replaced as the version that was read: to delete it could hit
    what another has written in its place meanwhile.
    """
    names = (path.with_name(f"{path.name}.damaged{number or ''}") for number in count())
    aside = next(name for name in names if not name.exists())
    if local(path):
        path.rename(aside)
    else:
        copied(path, aside)
    return aside
