"""Positions of the old tool: how far each section had come. Reads their files, and decides at which hour to begin."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mailevents_dagster.model.feed import FeedKind
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.values import FIRST_YEAR
from mailevents_dagster.sources.uzmanposta.migration.ini import OldSection

DEFAULT_FILE: Final = "positions/{section}.pos"
KEPT_BY_PANEL_DAYS: Final = 15
"""The vendor's panel shows mails and sign-ins for as long; nothing says that the API has them longer."""
DAY: Final = 86_400
EARLIEST: Final = int(datetime(FIRST_YEAR, 1, 2, tzinfo=UTC).timestamp())
"""In every time zone a day of the first year that settings know."""
MOST_BYTES: Final = 1000


@dataclass(frozen=True, slots=True)
class Position:
    """What the position file of a section says."""

    path: Path | None
    time: int | None
    fault: str = ""
    """Why there is no time."""


def read_position(section: OldSection, folder: Path, now: float) -> Position:
    """The position of a section; `folder` is that of the INI file."""
    pattern = section.get("position_file") or DEFAULT_FILE
    name = pattern.replace("{section}", section.name).replace("{id}", section.name)
    if unknown := re.findall(r"\{[^{}]*\}", pattern.replace("{section}", "").replace("{id}", "")):
        return Position(None, None, f"its path has {unknown[0]} in it, which is neither {{section}} nor {{id}}")
    written = Path(os.path.expanduser(name))
    path = folder / written
    if not path.exists() and written.exists():
        path = written.absolute()
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
    except FileNotFoundError:
        return Position(path, None, f"{path} is not there")
    except (OSError, ValueError) as error:
        return Position(path, None, f"{path} cannot be read ({getattr(error, 'strerror', None) or 'no such file'})")
    found = re.fullmatch(rb"(?:\xef\xbb\xbf)?\s*([0-9]{1,18})(?:\.[0-9]*)?\s*", content)
    if not found:
        return Position(path, None, f"{path} holds no Unix time")
    time = int(found[1])
    if not EARLIEST <= time <= now:
        return Position(path, None, f"{path} holds a time " + ("in the future" if time > now else "before 2019"))
    return Position(path, time)


def first_hour(kind: FeedKind, position: Position, start_time: str, now: float, timezone: str) -> tuple[int, str]:
    """The hour to begin with, and in words why.

    Up to its position the old tool collected, badly: so that hour is collected anew as a whole. Without a position the
    feed begins where the API does, or at the start that the section was given where that is later.
    """
    if position.time is not None:
        return Hour.containing(position.time, timezone).start, ""
    had = now - (kind.asked_days or KEPT_BY_PANEL_DAYS) * DAY
    given = int(start_time) if re.fullmatch(r"[0-9]{1,12}", start_time) else 0
    if had < given <= now:
        return Hour.containing(given, timezone).start, "the hour of its start_time"
    hour = Hour.containing(had, timezone)
    days = kind.asked_days or KEPT_BY_PANEL_DAYS
    return (hour.start if hour.start >= had else hour.end), f"{days} days back, as far as the API can be asked"
