"""What becomes of each section: a feed with its key, its address and its first hour, or a reason why not. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Final

from dotenv import dotenv_values

from mailevents_dagster.model.feed import Feed, dagster_name
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.problems import enumeration, shown
from mailevents_dagster.sources.uzmanposta.feeds import FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.keys import key_fault
from mailevents_dagster.sources.uzmanposta.migration.ini import OldSection
from mailevents_dagster.sources.uzmanposta.migration.positions import Position, first_hour
from mailevents_dagster.sources.uzmanposta.settings import DEFAULT_BASE_URL, check_base_url

ENDPOINTS: Final = ("/logs/mail", "/logs/authentication", "/quarantines", "/queue")
"""What the old tool's url ends in; `/queue` is the older path of `/quarantines`."""


class NotMovedError(ValueError):
    """A section cannot be carried over; the text says why, and what to do."""

    def __init__(self, key: str, why: str) -> None:
        super().__init__(f"{key}: {why}")


@dataclass(frozen=True, slots=True)
class Moved:
    """A section that becomes a feed."""

    section: OldSection
    feed: Feed
    key: str = field(repr=False)
    base_url: str
    first: int
    """The hour to begin with."""
    position: Position
    why: str
    """Why there, where it is not that of the position."""


@dataclass(frozen=True, slots=True)
class NotMoved:
    """A section that stays behind."""

    section: str
    why: str

    def __str__(self) -> str:
        return f"[{self.section}] {self.why}"


def moved(section: OldSection, position: Position, now: float, timezone: str) -> Moved | NotMoved:
    """What becomes of a section, seen by itself."""
    try:
        feed = feed_of(_domain(section), _feed_name(section))
        key, base_url = _key(section, feed.domain), _base_url(section)
    except NotMovedError as error:
        return NotMoved(section.name, str(error))
    first, why = first_hour(feed.kind, position, section.get("start_time"), now, timezone)
    return Moved(section, feed, key, base_url, first, position, why)


def moved_together(sections: Iterable[Moved | NotMoved]) -> tuple[list[Moved], list[NotMoved]]:
    """The sections that can stand in one settings file, a feed once, and those that stay behind."""
    kept: dict[Feed, Moved] = {}
    behind: list[NotMoved] = []
    names: dict[str, str] = {}
    for one in sections:
        if isinstance(one, NotMoved):
            behind.append(one)
        elif names.setdefault(one.feed.group, one.feed.domain) != one.feed.domain:
            other = f"{one.feed.domain} and {names[one.feed.group]} are both named {one.feed.group} in Dagster"
            behind.append(NotMoved(one.section.name, f"domain: {other}; give one of them a settings file of its own"))
        elif one.feed not in kept or one.first < kept[one.feed].first:
            kept[one.feed] = one
    return list(kept.values()), behind


def variable_for(domain: str) -> str:
    """The environment variable that holds the key of a domain."""
    return f"UZMANPOSTA_KEY_{dagster_name(domain).upper()}"


def env_line(variable: str, key: str) -> str:
    """The line of an .env file that gives the variable this value."""
    return f"{variable}='" + key.replace("\\", "\\\\").replace("'", "\\'") + "'\n"


def _domain(section: OldSection) -> str:
    written = section.get("domain")
    if not written:
        raise NotMovedError(
            "domain",
            "is empty, and the new settings need one. Write the domain that the key is for into the INI; for a key of "
            "several domains, a section for each",
        )
    try:
        return ascii_domain(written)
    except ValueError as error:
        raise NotMovedError("domain", f"{shown(written)} {error}") from None


def _feed_name(section: OldSection) -> str:
    category, type_ = section.get("category").lower() or _category_of(section), section.get("type").lower()
    if category == "authentication":
        return "authentication"
    if category == "quarantine":  # a type in [DEFAULT] is meant for mail
        type_ = type_ if type_ in ("quarantine", "hold") or "type" in section.own else "quarantine"
    elif category != "mail":
        raise NotMovedError("category", f"{shown(category)} is none of `mail`, `quarantine` and `authentication`")
    name = f"{category}/{type_ or 'outgoinglog'}"
    if name not in FEED_KINDS:
        known = (kind.type for kind in FEED_KINDS.values() if kind.category == category)
        raise NotMovedError("type", f"{shown(type_)} is no type of {category}; known are {enumeration(known)}")
    return name


def _category_of(section: OldSection) -> str:
    """The category of a section that names none: as its type says it, mail otherwise."""
    of_type = {"quarantine": "quarantine", "hold": "quarantine", "auth": "authentication"}
    return of_type.get(section.get("type").lower(), "mail")


def _key(section: OldSection, domain: str) -> str:
    key, variable = section.get("api_key"), variable_for(domain)
    if not key:
        raise NotMovedError("api_key", f"is missing; write the key of {domain} into the INI")
    if fault := key_fault(variable, {variable: key}):
        raise NotMovedError("api_key", fault)
    if dotenv_values(stream=StringIO(env_line(variable, key))).get(variable) != key:
        raise NotMovedError("api_key", "has characters that no .env file can hold; set the variable in another way")
    return key


def _base_url(section: OldSection) -> str:
    """The address without the endpoint that the old tool had at its end."""
    written = section.get("url").rstrip("/")
    if not written:
        return DEFAULT_BASE_URL
    base = written
    for endpoint in ENDPOINTS:
        base = base.removesuffix(endpoint)
    try:
        return check_base_url(base.rstrip("/"))
    except ValueError as error:
        raise NotMovedError("url", f"{shown(written)} {error}") from None


def twice(sections: Sequence[Moved], kept: Sequence[Moved]) -> list[str]:
    """Sections of one feed that another section of it speaks for."""
    return [
        f"[{one.section.name}]: {one.feed} is also [{other.section.name}], which begins no later and speaks for both"
        for one in sections
        for other in kept
        if one.feed == other.feed and one is not other
    ]


def differing(sections: Sequence[Moved], value: Callable[[Moved], str], what: str) -> list[str]:
    """Sections of one domain whose value is not that of the domain's first section, which the account takes."""
    first: dict[str, Moved] = {}
    said = []
    for one in sections:
        other = first.setdefault(one.feed.domain, one)
        if value(one) != value(other):
            said.append(
                f"[{one.section.name}] {what}: is not that of [{other.section.name}], and an account has one: the one "
                f"of [{other.section.name}] is taken"
            )
    return said
