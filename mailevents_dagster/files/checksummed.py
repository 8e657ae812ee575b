"""Small JSON files that prove by a checksum that they are as they were written, and that people can read."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from mailevents_dagster.files.atomic import publish, read_whole, show
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.json_text import NotJsonError, canonical, parse, pretty
from mailevents_dagster.files.objects import Version
from mailevents_dagster.files.stored_path import StoredPath

T = TypeVar("T")


def write_sealed(path: StoredPath, content: Mapping[str, object], version: Version | None = None) -> None:
    with publish(path, version=version) as file:
        file.write(_sealed(content))


def show_sealed(path: Path, content: Mapping[str, object]) -> None:
    """Write what can be made anew: a power cut may lose it, and it is damaged then."""
    show(path, _sealed(content))


def read_sealed(path: StoredPath, version: Version | None = None) -> dict[str, Any] | None:
    """Return what the file holds, or None where there is none; DamagedError where it is not as it was written."""
    try:
        content = parse(read_whole(path, version))
    except FileNotFoundError:
        return None
    except NotJsonError as error:
        raise DamagedError(f"{path} is not as it was written: it is not JSON ({error})") from error
    if not isinstance(content, dict):
        raise DamagedError(f"{path} is not as it was written: it holds no JSON object")
    if content.pop("checksum", None) != _checksum(content):
        raise DamagedError(f"{path} is not as it was written: its checksum does not match")
    return content


def read_value(
    path: StoredPath, make: Callable[[dict[str, Any]], T], otherwise: str, version: Version | None = None
) -> T | None:
    """Return what is made of the file's content, or None where there is no file.

    DamagedError where the file is not as it was written; if nothing can be made of it, `otherwise` says so.
    """
    content = read_sealed(path, version)
    try:
        return None if content is None else make(content)
    except (KeyError, TypeError, ValueError) as error:
        raise DamagedError(f"{path} {otherwise} ({type(error).__name__}: {error})") from error


def _sealed(content: Mapping[str, object]) -> bytes:
    return pretty({**content, "checksum": _checksum(content)})


def _checksum(content: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()
