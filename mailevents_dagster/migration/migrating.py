"""The whole way: from an INI file to settings, keys and cursors, and what is to be said of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from mailevents_dagster.feeds import Feed
from mailevents_dagster.migration.general import General, general
from mailevents_dagster.migration.ini import OldFile, read_ini
from mailevents_dagster.migration.positions import read_position
from mailevents_dagster.migration.sections import Moved, NotMoved, differing, moved, moved_together, twice
from mailevents_dagster.migration.texts import NewAccount, accounts_of, feeds_of, may_be_section, settings_text
from mailevents_dagster.migration.writing import Outcome, write_cursors, write_env, write_settings
from mailevents_dagster.settings import Settings, SettingsError, load_settings
from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME
from mailevents_dagster.sources.uzmanposta.formats import ROW_FORMATS
from mailevents_dagster.states import store_of
from mailevents_dagster.store.store import Store

SETTINGS: Final = "mailevents.yaml"


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of an INI file, before anything is written."""

    source: Path
    timezone: str
    old: OldFile
    moved: Sequence[Moved]
    behind: Sequence[NotMoved]
    accounts: Sequence[NewAccount]
    general: General
    said: Sequence[str]


@dataclass(slots=True)
class Written:
    """What was written, or would be."""

    outcomes: list[Outcome] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    settings: Settings | None = None
    """Those in force; None where they cannot be loaded, or were not written."""
    not_in_settings: list[Feed] = field(default_factory=list)
    """Feeds that settings which were there before do not have."""


def decide(ini: Path, folder: Path, timezone: str, now: float) -> Decided:
    """Reads the INI, the positions and the cursors that an earlier run left; IniError where the file cannot be used."""
    old = read_ini(ini.read_bytes())
    found = [moved(section, read_position(section, ini.parent, now), now, timezone) for section in old.sections]
    found = [_as_before(one, folder, timezone) if isinstance(one, Moved) else one for one in found]
    good = [one for one in found if isinstance(one, Moved)]
    kept, behind = moved_together(found)
    kept.sort(key=good.index)
    accounts = accounts_of(kept)
    made = general(good, [account.domain for account in accounts])
    said = [
        *twice(good, kept),
        *differing(kept, lambda one: one.key, "api_key"),
        *differing(kept, lambda one: one.base_url, "url"),
        *(f"[{one.section.name}]: no name for a heartbeat file; that of the feed is used" for one in kept
          if not may_be_section(one.section.name)),
        *made.said,
        *(f"[{name}]: no section of the old tool; left out" for name in old.others),
    ]  # fmt: skip
    return Decided(ini, timezone, old, kept, behind, accounts, made, said)


def _as_before(one: Moved, folder: Path, timezone: str) -> Moved:
    """A feed without a position begins where an earlier run let it begin: how far back the API looks has moved on."""
    if one.position.time is not None:
        return one
    cursor = _store(folder, timezone, DEFAULT_LOG_FILE_NAME).readable_cursor(one.feed)
    if cursor is None or cursor.first is None:
        return one
    return replace(one, first=cursor.first, why="where its cursor in the storage says")


def write(decided: Decided, folder: Path, first_adopted: int | None, now: float, *, dry: bool) -> Written:
    """Keys, then cursors, then settings; the cursors into the storage of settings that are there before."""
    written = Written()
    file = folder / SETTINGS
    if not decided.accounts:
        return written
    text = settings_text(decided.accounts, decided.general, decided.timezone, decided.source.name, first_adopted)
    written.outcomes.append(write_env(folder / ".env", decided.accounts, dry=dry))
    there = file.exists() and file.read_bytes() != text.encode()
    if there:
        written.settings = _loaded(file, written, now)
    else:
        written.outcomes.extend(write_cursors(store_for(decided, folder), feeds_of(decided.accounts), dry=dry))
    written.outcomes.append(write_settings(file, text, dry=dry))
    if there and written.settings:
        ours = feeds_of(decided.accounts)
        written.not_in_settings = [feed for feed in ours if feed not in written.settings.feeds]
        firsts = {feed: first for feed, first in ours.items() if feed in written.settings.feeds}
        written.outcomes.extend(write_cursors(store_of(written.settings), firsts, dry=dry))
    elif not there and not dry:
        written.settings = _loaded(file, written, now)
    return written


def store_for(decided: Decided, folder: Path) -> Store:
    """The store of the settings that are to be written."""
    name = decided.general.log_file_name or DEFAULT_LOG_FILE_NAME
    return _store(folder, decided.timezone, name)


def _store(folder: Path, timezone: str, log_file_name: str) -> Store:
    return Store(str(folder / "data"), timezone, log_file_name, ROW_FORMATS)


def _loaded(file: Path, written: Written, now: float) -> Settings | None:
    """The settings as the project will load them, keys included."""
    try:
        return load_settings(file, environ={**dotenv_of(file.parent), **os.environ}, now=now)
    except SettingsError as error:
        written.problems.append(str(error))
        return None


def dotenv_of(folder: Path) -> dict[str, str]:
    """The variables of the .env file in the folder."""
    path = folder / ".env"
    content = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    return {name: value for name, value in dotenv_values(stream=StringIO(content)).items() if value is not None}
