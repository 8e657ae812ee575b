"""The whole way: from an INI file to settings, keys and cursors, and what is to be said of it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from mailevents_dagster.collecting.configuration import store_of
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings, SettingsError, load_settings
from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.migration.general import General, general
from mailevents_dagster.sources.uzmanposta.migration.ini import OldFile, read_ini
from mailevents_dagster.sources.uzmanposta.migration.positions import read_position
from mailevents_dagster.sources.uzmanposta.migration.sections import (
    Moved,
    NotMoved,
    differing,
    moved,
    moved_together,
    twice,
)
from mailevents_dagster.sources.uzmanposta.migration.texts import (
    NewAccount,
    accounts_of,
    feeds_of,
    may_be_section,
    settings_start,
    settings_text,
)
from mailevents_dagster.sources.uzmanposta.migration.writing import Outcome, write_cursors, write_env, write_settings
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

    @property
    def own_names(self) -> list[str]:
        """Patterns of files, beside hourly logs, that the old tool wrote."""
        keys = ("message_log_file_name", "error_log_file_name", "heartbeat_file", "position_file", "lock_file_path")
        names = ((section.get(key), section.name) for section in self.old.sections for key in keys)
        return [Path(name.replace("{section}", own).replace("{id}", own)).name for name, own in names if name]


@dataclass(frozen=True, slots=True)
class Target:
    """Where things go: the project of settings that are there, or of those that will be written."""

    folder: Path
    store: Store
    feeds: Sequence[Feed]
    settings: Settings | None
    """Those that are there."""
    fault: str | None = None
    """Why those that are there cannot be used."""

    @property
    def file(self) -> Path:
        return self.folder / SETTINGS


@dataclass(slots=True)
class Written:
    """What was written, or would be."""

    outcomes: list[Outcome] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    settings: Settings | None = None
    """Those in force; None where they cannot be loaded, or were not written."""


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
    unnamed = [one.section.name for one in kept if not may_be_section(one.section.name)]
    said = [
        *twice(good, kept),
        *differing(kept, lambda one: one.key, "api_key"),
        *differing(kept, lambda one: one.base_url, "url"),
        *(f"[{name}]: no name for a heartbeat file; that of the feed is used" for name in unnamed),
        *made.said,
        *(f"[{name}]: no section of the old tool; left out" for name in old.others),
    ]
    return Decided(ini, timezone, old, kept, behind, accounts, made, said)


def _as_before(one: Moved, folder: Path, timezone: str) -> Moved:
    """A feed without a position begins where an earlier run let it begin: how far back the API looks has moved on."""
    if one.position.time is not None:
        return one
    cursor = _store(folder, timezone, DEFAULT_LOG_FILE_NAME).readable_cursor(one.feed)
    if cursor is None or cursor.first is None:
        return one
    return replace(one, first=cursor.first, why="where its cursor in the storage says")


def target_of(decided: Decided, folder: Path, now: float) -> Target:
    """Where everything goes."""
    if not (folder / SETTINGS).exists():
        name = decided.general.log_file_name or DEFAULT_LOG_FILE_NAME
        feeds = list(feeds_of(decided.accounts))
        return Target(folder, _store(folder, decided.timezone, name), feeds, None)
    try:
        keys = {account.variable: account.key for account in decided.accounts}
        settings = _load(folder, keys, now)
    except SettingsError as error:
        return Target(folder, _store(folder, decided.timezone, DEFAULT_LOG_FILE_NAME), (), None, str(error))
    return Target(folder, store_of(settings), settings.feeds, settings)


def write(decided: Decided, target: Target, first_adopted: int | None, now: float, *, dry: bool) -> Written:
    """Keys, then cursors, then settings; settings that are there and cannot be used stop it before the cursors."""
    written = Written()
    if not decided.accounts:
        return written
    start = settings_start(decided.accounts, first_adopted, target.settings.start if target.settings else None)
    text = settings_text(decided.accounts, decided.general, decided.timezone, decided.source.name, start)
    written.outcomes.append(write_env(target.folder / ".env", decided.accounts, dry=dry))
    if target.fault is None:
        zone = target.store.timezone  # of settings that are there, perhaps, where other hours begin
        firsts = {feed: Hour.containing(first, zone).start for feed, first in feeds_of(decided.accounts).items()}
        ours = {feed: first for feed, first in firsts.items() if feed in target.feeds}
        written.outcomes.extend(write_cursors(target.store, ours, dry=dry))
    written.outcomes.append(write_settings(target.file, text, dry=dry))
    written.problems += [*_not_there(decided, target), *_other_keys(decided.accounts)]
    if target.fault is None and (target.settings or not dry):
        try:
            written.settings = _load(target.folder, {}, now) if not dry else target.settings
        except SettingsError as error:
            written.problems.append(str(error))
    return written


def _not_there(decided: Decided, target: Target) -> list[str]:
    """What settings that were there before lack."""
    if target.fault:
        return [target.fault]
    lacking = [feed for feed in feeds_of(decided.accounts) if feed not in target.feeds]
    return [f"{feed}: not in {target.file}; add it there, and run this again for its cursor" for feed in lacking]


def _other_keys(accounts: Sequence[NewAccount]) -> list[str]:
    """Variables that the environment gives another value."""
    other = [one.variable for one in accounts if os.environ.get(one.variable, one.key) != one.key]
    return [f"{name} has another value in this environment, which counts before that in .env" for name in other]


def _load(folder: Path, keys: dict[str, str], now: float) -> Settings:
    """The settings as the project will load them, with the keys of .env."""
    path = folder / ".env"
    content = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    stored = {name: value for name, value in dotenv_values(stream=StringIO(content)).items() if value is not None}
    settings = load_settings(folder / SETTINGS, environ={**keys, **stored, **os.environ}, now=now)
    store_of(settings)  # which says where the settings disagree with what it holds
    return settings


def _store(folder: Path, timezone: str, log_file_name: str) -> Store:
    return Store(str(folder / "data"), timezone, log_file_name, FEED_KINDS)
