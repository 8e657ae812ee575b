"""What the cron script leaves behind: its INI file, its position files, and the time zone that named its logs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    Error,
    MissingSectionHeaderError,
    ParsingError,
)
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from mailevents_dagster.settings.values import FIRST_YEAR, check_timezone

KIND: Final = "MailLogger"
DEFAULTS: Final = "DEFAULT"
DEFAULT_POSITION_FILE: Final = "positions/{section}.pos"
EARLIEST: Final = int(datetime(FIRST_YEAR, 1, 2, tzinfo=UTC).timestamp())
"""In every time zone a day of the first year that settings know."""
MOST_BYTES: Final = 1000
"""Of a position file."""
OWN_FILES: Final = (
    "message_log_file_name",
    "error_log_file_name",
    "heartbeat_file",
    "position_file",
    "lock_file_path",
)
"""Keys that name files of the old tool other than hourly logs."""


class IniError(Exception):
    """The file cannot be read; the text says where, and quotes nothing from the file: it may be a key."""


@dataclass(frozen=True, slots=True)
class OldSection:
    """One section: a feed of the old tool."""

    name: str
    """What stands behind `MailLogger:`; `MailLogger` itself for the section that has no name."""
    own: Mapping[str, str] = field(repr=False)
    defaults: Mapping[str, str] = field(repr=False)

    def get(self, key: str) -> str:
        """Return the value of the section, or that of [DEFAULT]; empty where neither has one."""
        return self.own.get(key, self.defaults.get(key, "")).strip()

    def named(self, pattern: str) -> str:
        """Return the name of a file with the section's name filled in."""
        return pattern.replace("{section}", self.name).replace("{id}", self.name)

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.own) | frozenset(self.defaults)

    @property
    def file_names(self) -> list[str]:
        """Patterns of the files, beside hourly logs, that the old tool wrote for the section."""
        return [Path(self.named(name)).name for name in map(self.get, OWN_FILES) if name]


@dataclass(frozen=True, slots=True)
class OldFile:
    """What the INI file holds."""

    sections: tuple[OldSection, ...]
    others: tuple[str, ...]
    """Sections that do not belong to the old tool."""


def read_ini(content: bytes) -> OldFile:
    """Read a file as the old tool did: UTF-8 with or without a mark at its beginning, `%` as it is."""
    # Under a name that no section has: what a section says itself must be known from what [DEFAULT] says.
    parser = ConfigParser(interpolation=None, default_section="\n")
    try:
        parser.read_string(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise IniError(f"line {line} is not UTF-8; save the file as UTF-8") from None
    except Error as error:
        raise IniError(_fault(error)) from None
    defaults = dict(parser[DEFAULTS]) if DEFAULTS in parser else {}
    names = [name for name in parser.sections() if name != DEFAULTS]
    ours = [name for name in names if name == KIND or name.startswith(f"{KIND}:")]
    if not ours:
        raise IniError("it has no section [MailLogger:NAME]; is it the right file?")
    return OldFile(
        tuple(OldSection(name.removeprefix(f"{KIND}:").strip(), dict(parser[name]), defaults) for name in ours),
        tuple(name for name in names if name not in ours),
    )


def _fault(error: Error) -> str:
    if isinstance(error, DuplicateSectionError):
        return f"line {error.lineno} repeats a section; the old tool refuses that, too"
    if isinstance(error, DuplicateOptionError):
        return f"line {error.lineno} repeats a key of its section; the old tool refuses that, too"
    if isinstance(error, ParsingError):
        line = error.lineno if isinstance(error, MissingSectionHeaderError) else error.errors[0][0]
        return f"line {line} is neither a [section] nor `key = value`"
    return "it is not an INI file"


@dataclass(frozen=True, slots=True)
class Position:
    """How far a section had come."""

    time: int | None
    fault: str = ""
    """Why there is no time."""


def read_position(section: OldSection, folder: Path, now: float) -> Position:
    """Read the position file of a section; `folder` is that of the INI file."""
    pattern = section.get("position_file") or DEFAULT_POSITION_FILE
    if unknown := re.findall(r"\{[^{}]*\}", pattern.replace("{section}", "").replace("{id}", "")):
        return Position(None, f"its path has {unknown[0]} in it, which is neither {{section}} nor {{id}}")
    written = Path(os.path.expanduser(section.named(pattern)))
    path = folder / written
    if not path.exists() and written.exists():
        path = written.absolute()
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES)
    except FileNotFoundError:
        return Position(None, f"{path} does not exist")
    except (OSError, ValueError) as error:
        return Position(None, f"{path} cannot be read ({getattr(error, 'strerror', None) or 'no such file'})")
    found = re.fullmatch(rb"(?:\xef\xbb\xbf)?\s*([0-9]{1,18})(?:\.[0-9]*)?\s*", content)
    if not found:
        return Position(None, f"{path} does not hold a Unix time")
    time = int(found[1])
    if not EARLIEST <= time <= now:
        return Position(None, f"{path} holds a time " + ("in the future" if time > now else "before 2019"))
    return Position(time)


def machine_timezone(environ: Mapping[str, str] = os.environ, root: Path = Path("/")) -> str | None:
    """Return the IANA name of this machine's time zone; None where it has none.

    The clock goes by TZ and, without it, by /etc/localtime; /etc/timezone is asked where that is not a link.
    """
    if given := environ.get("TZ", "").strip():
        return _zone(given.removeprefix(":"))
    with suppress(OSError):
        if name := _zone(os.readlink(root / "etc" / "localtime")):
            return name
    with suppress(OSError, UnicodeDecodeError):
        return _zone((root / "etc" / "timezone").read_text().strip())
    return None


def _zone(text: str) -> str | None:
    """Return the name in the path of a zone's file, or alone."""
    name = text.rpartition("zoneinfo/")[2].removeprefix("posix/").removeprefix("right/")
    with suppress(ValueError):
        return check_timezone(name)
    return None
