"""Small JSON files that prove by a checksum that they are as they were written, and that people can read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from upath import UPath

from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.json_text import NotJsonError, canonical, parse, pretty


def write_sealed(path: UPath, content: Mapping[str, object]) -> None:
    with publish(path) as file:
        file.write(pretty({**content, "checksum": _checksum(content)}))


def read_sealed(path: UPath) -> dict[str, Any] | None:
    """What the file holds, or None where there is none; DamagedError where it is not as it was written."""
    try:
        content = parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except NotJsonError as error:
        raise DamagedError(f"{path} is not as it was written: it is no JSON ({error})") from error
    if not isinstance(content, dict):
        raise DamagedError(f"{path} is not as it was written: it holds no JSON object")
    if content.pop("checksum", None) != _checksum(content):
        raise DamagedError(f"{path} is not as it was written: its checksum does not fit")
    return content


def _checksum(content: Mapping[str, object]) -> str:
    return hashlib.sha256(canonical(content)).hexdigest()
