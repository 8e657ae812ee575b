"""Whether the server of an object store keeps the conditions of writes. Some answer as if they did, and overwrite."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from mailevents_dagster.files.objects import ABSENT, ChangedError, read_tagged, remove, write_if

if TYPE_CHECKING:
    from upath import UPath

OTHER: str = '"00000000000000000000000000000000"'
"""An ETag that nothing has."""


def keeps_conditions(folder: UPath) -> bool:
    """Return whether the server refuses to create what is there, and to replace what has another ETag."""
    path = folder / f"probe-{uuid4().hex}"
    write_if(path, b"first", ABSENT)
    try:
        for expected in (ABSENT, OTHER):
            try:
                write_if(path, b"second", expected)
            except ChangedError:
                continue
            return False
        there = read_tagged(path)
        return there is not None and there[0] == b"first"
    finally:
        remove(path)
