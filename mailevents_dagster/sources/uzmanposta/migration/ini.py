"""The INI file of the old tool as plain values. Pure; decides nothing."""

from __future__ import annotations

from collections.abc import Mapping
from configparser import (
    ConfigParser,
    DuplicateOptionError,
    DuplicateSectionError,
    Error,
    MissingSectionHeaderError,
    ParsingError,
)
from dataclasses import dataclass, field
from typing import Final

KIND: Final = "MailLogger"
DEFAULTS: Final = "DEFAULT"


class IniError(Exception):
    """The file cannot be read; the text says where, and holds nothing of what stands there: it may be a key."""


@dataclass(frozen=True, slots=True)
class OldSection:
    """One section: a feed of the old tool."""

    name: str
    """What stands behind `MailLogger:`; `MailLogger` itself for the section that has no name."""
    own: Mapping[str, str] = field(repr=False)
    defaults: Mapping[str, str] = field(repr=False)

    def get(self, key: str) -> str:
        """The value of the section, or that of [DEFAULT]; empty where neither has one."""
        return self.own.get(key, self.defaults.get(key, "")).strip()

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.own) | frozenset(self.defaults)


@dataclass(frozen=True, slots=True)
class OldFile:
    """What the file holds."""

    sections: tuple[OldSection, ...]
    others: tuple[str, ...]
    """Sections that are none of the old tool's."""


def read_ini(content: bytes) -> OldFile:
    """The sections of a file, as the old tool read it: UTF-8 with or without a mark at its beginning, `%` as it is."""
    # Under a name that no section has: what a section says itself must be known from what [DEFAULT] says.
    parser = ConfigParser(interpolation=None, default_section="\n")
    try:
        parser.read_string(content.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise IniError(f"line {line} is not UTF-8; save it as UTF-8") from None
    except Error as error:
        raise IniError(_said(error)) from None
    defaults = dict(parser[DEFAULTS]) if DEFAULTS in parser else {}
    found = {name: KIND if name == KIND else name.removeprefix(f"{KIND}:").strip() for name in parser.sections()}
    ours = [name for name in found if name == KIND or name.startswith(f"{KIND}:")]
    if not ours:
        raise IniError("it has no section [MailLogger:NAME]; is it the right file?")
    return OldFile(
        sections=tuple(OldSection(found[name], dict(parser[name]), defaults) for name in ours),
        others=tuple(name for name in found if name not in ours and name != DEFAULTS),
    )


def _said(error: Error) -> str:
    if isinstance(error, DuplicateSectionError):
        return f"line {error.lineno}: the section stands there a second time; the old tool refuses that, too"
    if isinstance(error, DuplicateOptionError):
        return f"line {error.lineno}: the key stands a second time in its section; the old tool refuses that, too"
    if isinstance(error, ParsingError):
        line = error.lineno if isinstance(error, MissingSectionHeaderError) else error.errors[0][0]
        return f"line {line} is neither a [section] nor `key = value`"
    return "it is no INI file"
