"""Files that do not hold what they must: set aside under a name that says so, never believed and never deleted."""

from __future__ import annotations

from itertools import count

from mailevents_dagster.files.objects import copied
from mailevents_dagster.files.stored_path import StoredPath, is_local


class DamagedError(Exception):
    """A stored file does not hold what it must; the text names it."""


def set_aside(path: StoredPath) -> StoredPath:
    """Rename the file to `NAME.damaged`, or with a number behind it where that is taken; return the new path.

    On an object store it is copied, and stays until it is replaced as the version that was read: to delete it could hit
    what another has written in its place meanwhile.
    """
    names = (f"{path.name}.damaged{number or ''}" for number in count())
    aside = next(name for name in names if not path.with_name(name).exists())
    if is_local(path):
        path.rename(path.with_name(aside))
    else:
        copied(path, path.with_name(aside))
    return path.with_name(aside)
