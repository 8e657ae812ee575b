"""Paths of what is stored: those of a folder are pathlib's, those of an object store are universal_pathlib's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from mailevents_dagster.files.objects import S3

if TYPE_CHECKING:
    from typing_extensions import TypeIs
    from upath import UPath

StoredPath: TypeAlias = "Path | UPath"
"""Of a file or folder that may lie on either. A text, since what only object stores need is loaded for them alone."""


def stored_at(storage: str) -> StoredPath:
    """Return the folder or the URL of a storage as a path."""
    if not storage.startswith(f"{S3}://"):
        return Path(storage)
    from mailevents_dagster.files.object_files import objects_at  # upath and fsspec: 40 ms of `status`

    return objects_at(storage)


def is_local(path: StoredPath) -> TypeIs[Path]:
    """Return whether the path is one of this machine's; else it lies on an object store."""
    return isinstance(path, Path)


def name_for_arrow(path: StoredPath) -> str:
    """Return the path as its file system knows it, which Arrow is to be given beside it."""
    return path.as_posix() if is_local(path) else path.path
