"""What becomes of each section: a feed of an account with its first hour, or a reason why not. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Final

from dotenv import dotenv_values

from mailevents_dagster.model.feed import Feed, FeedKind, dagster_name
from mailevents_dagster.model.hour import Hour
from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.first_files import env_line
from mailevents_dagster.settings.log_names import check_section
from mailevents_dagster.settings.problems import enumeration, shown
from mailevents_dagster.settings.variables import is_plain
from mailevents_dagster.sources.uzmanposta.feeds import ENDPOINTS, FEED_KINDS, feed_of
from mailevents_dagster.sources.uzmanposta.keys import key_fault
from mailevents_dagster.sources.uzmanposta.migration.old_tool import OldSection, Position
from mailevents_dagster.sources.uzmanposta.settings import DEFAULT_BASE_URL, check_base_url

OLD_ENDPOINTS: Final = (*ENDPOINTS.values(), "/queue")
"""What the old tool's url ends in; `/queue` is the older path of `/quarantines`."""
KEPT_BY_PANEL_DAYS: Final = 15
"""The vendor's panel shows mails and sign-ins for as long; nothing says that the API has them longer."""
DAY: Final = 86_400
_CATEGORIES: Final = {"quarantine": "quarantine", "hold": "quarantine", "auth": "authentication"}
"""Of a section that names only its type; `mail` for any other type."""


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
    """Why there, where it is not the hour of the position."""

    @property
    def name(self) -> str:
        return self.section.name

    @property
    def names_heartbeat(self) -> bool:
        """Whether the section's name can stand in the name of a heartbeat file."""
        try:
            return is_plain(check_section(self.name))
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class NewAccount:
    """One domain of the new settings, with the key and the address of its first section."""

    domain: str
    key: str = field(repr=False)
    base_url: str
    feeds: Sequence[Moved]

    @property
    def variable(self) -> str:
        return variable_for(self.domain)

    @property
    def start(self) -> int:
        return min(one.first for one in self.feeds)


def moved(section: OldSection, position: Position, now: float, timezone: str) -> Moved:
    """Return the feed that a section becomes, seen by itself."""
    feed = feed_of(_domain(section), _feed_name(section))
    first, why = first_hour(feed.kind, position, section.get("start_time"), now, timezone)
    return Moved(section, feed, _key(section, feed.domain), _base_url(section), first, position, why)


def first_hour(kind: FeedKind, position: Position, start_time: str, now: float, timezone: str) -> tuple[int, str]:
    """Return the hour to begin with, and in words why.

    Up to its position the old tool collected, badly: so that hour is collected anew as a whole. Without a position the
    feed begins where the API does, or at the start that the section was given where that is later.
    """
    if position.time is not None:
        return Hour.containing(position.time, timezone).start, ""
    days = kind.asked_days or KEPT_BY_PANEL_DAYS
    oldest = now - days * DAY
    given = int(start_time) if re.fullmatch(r"[0-9]{1,12}", start_time) else 0
    if oldest < given <= now:
        return Hour.containing(given, timezone).start, "at the hour of its start_time"
    hour = Hour.containing(oldest, timezone)
    return (hour.start if hour.start >= oldest else hour.end), f"{days} days back, as far as the API can be asked"


def moved_together(sections: Sequence[Moved]) -> tuple[list[Moved], list[str], list[str]]:
    """Return the sections that can stand in one settings file, a feed once; why others cannot; who speaks for whom."""
    by_feed: dict[Feed, list[Moved]] = {}
    names: dict[str, str] = {}
    behind = []
    for one in sections:
        feed, other = one.feed, names.setdefault(one.feed.group, one.feed.domain)
        if other == feed.domain:
            by_feed.setdefault(feed, []).append(one)
        else:
            both = f"{feed.domain} and {other} are both named {feed.group} in Dagster"
            behind.append(f"[{one.name}] domain: {both}; give one of them a settings file of its own")
    kept = {feed: min(own, key=lambda one: one.first) for feed, own in by_feed.items()}
    twice = [
        f"[{one.name}]: {feed} is also [{kept[feed].name}], which begins no later and speaks for both"
        for feed, own in by_feed.items()
        for one in own
        if one is not kept[feed]
    ]
    return sorted(kept.values(), key=sections.index), behind, twice


def accounts_of(feeds: Iterable[Moved]) -> list[NewAccount]:
    by_domain: dict[str, list[Moved]] = {}
    for one in feeds:
        by_domain.setdefault(one.feed.domain, []).append(one)
    return [NewAccount(domain, own[0].key, own[0].base_url, own) for domain, own in by_domain.items()]


def feeds_of(accounts: Iterable[NewAccount]) -> Mapping[Feed, int]:
    """Return every feed with its first hour."""
    return {one.feed: one.first for account in accounts for one in account.feeds}


def variable_for(domain: str) -> str:
    """Return the environment variable that holds the key of a domain."""
    return f"UZMANPOSTA_KEY_{dagster_name(domain).upper()}"


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
    type_ = section.get("type").lower()
    category = section.get("category").lower() or _CATEGORIES.get(type_, "mail")
    if category == "authentication":
        return "authentication"
    if category == "quarantine":  # a type in [DEFAULT] is meant for mail
        type_ = type_ if type_ in ("quarantine", "hold") or "type" in section.own else "quarantine"
    elif category != "mail":
        raise NotMovedError("category", f"{shown(category)} is not one of `mail`, `quarantine` and `authentication`")
    name = f"{category}/{type_ or 'outgoinglog'}"
    if name not in FEED_KINDS:
        known = (kind.type for kind in FEED_KINDS.values() if kind.category == category)
        raise NotMovedError("type", f"{shown(type_)} is not a type of {category}; known are {enumeration(known)}")
    return name


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
    """Return the address without the endpoint that the old tool had at its end."""
    written = section.get("url").rstrip("/")
    base = written
    for endpoint in OLD_ENDPOINTS:
        base = base.removesuffix(endpoint)
    try:
        return check_base_url(base.rstrip("/")) if written else DEFAULT_BASE_URL
    except ValueError as error:
        raise NotMovedError("url", f"{shown(written)} {error}") from None


def differing(accounts: Sequence[NewAccount], value: Callable[[Moved], str], key: str) -> list[str]:
    """Name the sections whose value is not that of the first section of their domain, which the account takes."""
    return [
        f"[{one.name}] {key}: differs from that of [{account.feeds[0].name}], which is taken: an account has one"
        for account in accounts
        for one in account.feeds
        if value(one) != value(account.feeds[0])
    ]
