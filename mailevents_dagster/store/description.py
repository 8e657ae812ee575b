"""The file by which a storage says how its data were written, and what the manifests say where it does not."""

from __future__ import annotations

import errno
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from socket import gethostname
from typing import Final

from mailevents_dagster.files.atomic import publish, read_whole
from mailevents_dagster.files.checksummed import read_sealed
from mailevents_dagster.files.damage import DamagedError, set_aside
from mailevents_dagster.files.json_text import NotJsonError, parse, pretty
from mailevents_dagster.files.object_errors import ChangedError, ObjectStoreError
from mailevents_dagster.files.object_probe import keeps_conditions
from mailevents_dagster.files.objects import ABSENT, Version, server
from mailevents_dagster.files.stored_path import StoredPath, is_local
from mailevents_dagster.sharing.locks import Locks
from mailevents_dagster.store.layout import Layout
from mailevents_dagster.store.lock_names import STORE

logger = logging.getLogger(__name__)

_TIMEZONE: Final = re.compile(r"[\w+/-]{1,60}")


def describe(layout: Layout, locks: Locks, timezone: str, note: Callable[[str], object] = logger.warning) -> None:
    """Write how the data are written, where that is not said yet or not said rightly."""
    path = layout.description
    if not is_local(path):
        describe_objects(layout, timezone, server(), note)
        return
    if _says(path, timezone):
        return
    with locks.holding(STORE):  # all feeds may be at their first hour at once
        if _says(path, timezone):
            return
        if path.exists():
            note(f"{path} is not as it was written. It was set aside as {set_aside(path)} and made anew.")
        with publish(path) as file:
            file.write(pretty({"timezone": timezone, "version": 1}))


def _says(path: StoredPath, timezone: str) -> bool:
    try:
        return described_timezone(path) == timezone
    except DamagedError:
        return False


@cache
def describe_objects(
    layout: Layout, timezone: str, server: str, note: Callable[[str], object] = logger.warning
) -> bool:
    """Write how the data on an object store are written, and return whether its server keeps conditions of writes.

    That is found out once for each server. Where it does not, one machine alone may write, by its locks, as the file
    then says; any other is refused.
    """
    while True:
        version, said = Version(), dict[str, object]()
        with suppress(FileNotFoundError, NotJsonError):
            content = parse(read_whole(layout.description, version))
            said = content if isinstance(content, dict) else {}
        known = said.get("servers")
        servers: dict[str, object] = known if isinstance(known, dict) else {}
        if said.get("timezone") == timezone and server in servers:
            return _keeps_conditions(layout, server, servers[server], note)
        folder = layout.description.parent
        writer = None if is_local(folder) or keeps_conditions(folder) else gethostname()
        if version.tag != ABSENT and said.get("timezone") != timezone:
            aside = set_aside(layout.description)
            note(f"{layout.description} is not as it was written. It was set aside as {aside} and made anew.")
        with suppress(ChangedError), publish(layout.description, version=version) as file:
            file.write(pretty({"timezone": timezone, "version": 1, "servers": {**servers, server: writer}}))


def _keeps_conditions(layout: Layout, server: str, writer: object, note: Callable[[str], object]) -> bool:
    if writer is None:
        return True
    what = f"{server} overwrites what others wrote meanwhile: it does not keep If-Match and If-None-Match."
    if writer != gethostname():
        mend = (
            f"Only {writer} may write here. If that machine is gone, delete this file; better, take a server that does"
        )
        raise ObjectStoreError(errno.EPERM, f"{what} {mend}", str(layout.description))
    note(f"{what} So only this machine, {writer}, may write to this storage, with one folder for its locks.")
    return False


def described_timezone(path: StoredPath) -> str | None:
    """Return the time zone that the data are in, None where there is no file; DamagedError where it says none."""
    try:
        content = parse(read_whole(path))
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
                manifest = read_sealed(path) or {}
                if timezone := manifest.get("timezone"):
                    found.add(str(timezone))
                    break
    return found
