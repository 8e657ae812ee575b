"""The whole way: from an INI file to settings, keys and cursors. Whatever exists and differs is left alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from mailevents_dagster.files.damage import DamagedError
from mailevents_dagster.files.objects import ChangedError, Version
from mailevents_dagster.model.feed import Feed
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings import Settings, SettingsError
from mailevents_dagster.settings.first_files import Done, Outcome, write_env, write_file
from mailevents_dagster.settings.models import DEFAULT_LOG_FILE_NAME
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS
from mailevents_dagster.sources.uzmanposta.migration.old_tool import OldFile, read_ini, read_position
from mailevents_dagster.sources.uzmanposta.migration.sections import (
    Moved,
    NewAccount,
    NotMovedError,
    accounts_of,
    differing,
    feeds_of,
    moved,
    moved_together,
)
from mailevents_dagster.sources.uzmanposta.migration.settings_text import (
    General,
    general,
    settings_start,
    settings_text,
)
from mailevents_dagster.store.cursor_file import read_cursor, write_cursor
from mailevents_dagster.store.cursors import Cursor
from mailevents_dagster.store.description import describe
from mailevents_dagster.store.lock_names import cursor_lock
from mailevents_dagster.store.opening import store_of
from mailevents_dagster.store.store import Store

SETTINGS: Final = "mailevents.yaml"


@dataclass(frozen=True, slots=True)
class Decided:
    """What becomes of an INI file, before anything is written."""

    source: Path
    timezone: str
    old: OldFile
    moved: Sequence[Moved]
    behind: Sequence[str]
    """Why sections stay behind."""
    accounts: Sequence[NewAccount]
    general: General
    notes: Sequence[str]


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
    """Read the INI, the positions and the cursors of an earlier run; IniError where the file cannot be used."""
    old = read_ini(ini.read_bytes())
    good, refused = list[Moved](), []
    for section in old.sections:
        try:
            one = moved(section, read_position(section, ini.parent, now), now, timezone)
        except NotMovedError as error:
            refused.append(f"[{section.name}] {error}")
        else:
            good.append(one)
    good = _as_before(good, folder, timezone, now)
    kept, clashing, twice = moved_together(good)
    accounts = accounts_of(kept)
    made = general(good, [account.domain for account in accounts])
    unnamed = [one.name for one in kept if not one.names_heartbeat]
    notes = [
        *twice,
        *differing(accounts, lambda one: one.key, "api_key"),
        *differing(accounts, lambda one: one.base_url, "url"),
        *(f"[{name}]: cannot be part of a file's name; the heartbeat file has the feed's" for name in unnamed),
        *made.notes,
        *(f"[{name}]: not a section of the old tool; left out" for name in old.others),
    ]
    return Decided(ini, timezone, old, kept, [*refused, *clashing], accounts, made, notes)


def _as_before(moved: Sequence[Moved], folder: Path, timezone: str, now: float) -> list[Moved]:
    """Begin feeds without a position where an earlier run began them: how far back the API looks has moved on."""
    if all(one.position.time is not None for one in moved):
        return [*moved]
    accounts = accounts_of(moved_together(moved)[0])
    store = _target(accounts, timezone, DEFAULT_LOG_FILE_NAME, folder, now).store

    def begun(one: Moved) -> Moved:
        cursor = store.readable_cursor(one.feed) if one.position.time is None else None
        if cursor is None or cursor.first is None:
            return one
        return replace(one, first=cursor.first, why="where its cursor in the storage says")

    return [begun(one) for one in moved]


def target_of(decided: Decided, folder: Path, now: float) -> Target:
    name = decided.general.log_file_name or DEFAULT_LOG_FILE_NAME
    return _target(decided.accounts, decided.timezone, name, folder, now)


def _target(accounts: Sequence[NewAccount], timezone: str, log_file_name: str, folder: Path, now: float) -> Target:
    if not (folder / SETTINGS).exists():
        return Target(folder, _store(folder, timezone, log_file_name), list(feeds_of(accounts)), None)
    try:
        settings = _load(folder, {account.variable: account.key for account in accounts}, now)
    except SettingsError as error:
        return Target(folder, _store(folder, timezone, DEFAULT_LOG_FILE_NAME), (), None, str(error))
    return Target(folder, store_of(settings), settings.feeds, settings)


def write(decided: Decided, target: Target, first_adopted: int | None, now: float, *, dry: bool) -> Written:
    """Write keys, then cursors, then settings; where settings exist that cannot be used, no cursors."""
    written = Written()
    if not decided.accounts:
        return written
    start = settings_start(decided.accounts, first_adopted, target.settings.start if target.settings else None)
    text = settings_text(decided.accounts, decided.general, decided.timezone, decided.source.name, start)
    keys = {account.variable: account.key for account in decided.accounts}
    written.outcomes.append(write_env(target.folder / ".env", keys, "the INI", dry=dry))
    feeds = feeds_of(decided.accounts)
    if target.fault is None:
        zone = target.store.timezone  # of settings that are there, perhaps, where other hours begin
        firsts = {feed: Hour.containing(first, zone).start for feed, first in feeds.items() if feed in target.feeds}
        if firsts and not dry:
            describe(target.store.layout, target.store.locks, target.store.timezone)
        written.outcomes += [_write_cursor(target.store, feed, first, dry=dry) for feed, first in firsts.items()]
        lacking = [feed for feed in feeds if feed not in target.feeds]
        written.problems += [f"{one}: not in {target.file}; add it there, and run this again" for one in lacking]
    else:
        written.problems.append(target.fault)
    written.outcomes.append(write_file(target.file, text.encode(), dry=dry))
    written.problems += [
        f"{one.variable} has another value in this environment, which counts before that in .env"
        for one in decided.accounts
        if os.environ.get(one.variable, one.key) != one.key
    ]
    if dry:
        written.settings = target.settings
    elif target.fault is None:
        try:
            written.settings = _load(target.folder, {}, now)
        except SettingsError as error:
            written.problems.append(str(error))
    return written


def _load(folder: Path, keys: dict[str, str], now: float) -> Settings:
    """Load the settings as the project will, with the keys of .env."""
    path = folder / ".env"
    content = path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
    stored = {name: value for name, value in dotenv_values(stream=StringIO(content)).items() if value is not None}
    settings = load_settings(folder / SETTINGS, environ={**keys, **stored, **os.environ}, now=now)
    store_of(settings)  # which says where the settings disagree with what it holds
    return settings


def _store(folder: Path, timezone: str, log_file_name: str) -> Store:
    return Store(str(folder / "data"), timezone, log_file_name, FEED_KINDS)


def _write_cursor(store: Store, feed: Feed, first: int, *, dry: bool) -> Outcome:
    """Write the first hour of a feed that has no cursor yet."""
    path = store.layout.cursor(feed)
    written = Outcome(path, Done.WRITTEN)
    if dry:
        return _existing(store, feed, first) or written
    with store.writing(feed), store.locks.briefly(cursor_lock(feed)):
        while (existing := _existing(store, feed, first)) is None:
            with suppress(ChangedError):  # on an object store another may have written one meanwhile
                write_cursor(path, Cursor(first=first), store.timezone, Version())
                return written
    return existing


def _existing(store: Store, feed: Feed, first: int) -> Outcome | None:
    """Return what to say of a cursor that is there; None where there is none."""
    path = store.layout.cursor(feed)
    try:
        cursor = read_cursor(path)
    except DamagedError as error:
        return Outcome(path, Done.LEFT, str(error))
    if cursor is None:
        if store.readable_cursor(feed) is not None:
            return None
        note = "lost, while hours of the feed are there; `mailevents status --rebuild-cursors` makes it anew"
        return Outcome(path, Done.LEFT, note)
    if cursor.first == first:
        return Outcome(path, Done.THERE)
    begins = f"begins at {Hour(cursor.first, store.timezone)}" if cursor.first else "begins with its account"
    return Outcome(path, Done.LEFT, f"{feed} {begins}, not at {Hour(first, store.timezone)}")
