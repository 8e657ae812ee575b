"""The file by which a storage says how its data were written, and what the manifests say where it does not."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from upath import UPath

from mailevents_dagster.files.atomic import publish
from mailevents_dagster.files.checksummed import read_sealed
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.json_text import NotJsonError, parse, pretty
from mailevents_dagster.sharing.locks import Locks
from mailevents_dagster.store.layout import Layout

logger = logging.getLogger(__name__)

_TIMEZONE: Final = re.compile(r"[\w+/-]{1,60}")


def describe(layout: Layout, locks: Locks, timezone: str, note: Callable[[str], object] = logger.warning) -> None:
    """Write how the data are written, where that is not said yet or not said rightly."""
    path = layout.description
    if _says(path, timezone):
        return
    with locks.holding(layout.work_lock("store")):  # all feeds may be at their first hour at once
        if _says(path, timezone):
            return
        if path.exists():
            note(f"{path} is not as it was written. It was set aside as {set_aside(path)} and made anew.")
        with publish(path) as file:
            file.write(pretty({"timezone": timezone, "version": 1}))


def _says(path: UPath, timezone: str) -> bool:
    try:
        return described_timezone(path) == timezone
    except DamagedError:
        return False


def described_timezone(path: UPath | Path) -> str | None:
    """Return the time zone that the data are in, None where there is no file; DamagedError where it says none."""
    try:
        content = parse(path.read_bytes())
    except FileNotFoundError:
        return None
    except NotJsonError:
        content = None
    timezone = content.get("timezone") if isinstance(content, dict) else None
    if not isinstance(timezone, str) or not _TIMEZONE.fullmatch(timezone):
        raise DamagedError(f"{path} does not say in what time zone the data are")
    return timezone


def timezones_of_manifests(folder: Path) -> set[str]:
    """Return the time zones that manifests name, one that is whole for each domain."""
    found: set[str] = set()
    for domain in folder.iterdir():
        for path in domain.rglob("????-??-??/??.json"):
            with suppress(DamagedError):
                manifest = read_sealed(UPath(path)) or {}
                if timezone := manifest.get("timezone"):
                    found.add(str(timezone))
                    break
    return found
