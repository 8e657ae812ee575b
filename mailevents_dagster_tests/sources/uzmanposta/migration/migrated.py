"""Sections of the old tool, and the settings that they became."""

from __future__ import annotations

import time

from dotenv import dotenv_values

from mailevents_dagster.collecting.feed_states import states_of
from mailevents_dagster.settings import Settings
from mailevents_dagster.sources.catalog import load_settings
from mailevents_dagster.sources.uzmanposta.feeds import feed_of
from mailevents_dagster.store.opening import store_of
from mailevents_dagster_tests.sources.uzmanposta.migration.old_tool import OldTool

ZONE = "Europe/Istanbul"
NOW = int(time.time())
EARLIER, LATER = NOW - 50 * 3600, NOW - 2 * 3600
INCOMING, OUTGOING = (feed_of("example.com", f"mail/{type_}log") for type_ in ("incoming", "outgoing"))


def loaded(old: OldTool) -> Settings:
    file = old.out / "mailevents.yaml"
    return load_settings(file, environ={name: str(key) for name, key in dotenv_values(old.out / ".env").items()})


def firsts(old: OldTool) -> dict[str, int]:
    settings = loaded(old)
    return {str(one.feed): one.start for one in states_of(settings, store_of(settings))}
