"""Feed: one stream of one source, and the names derived from it. Pure values; no paths, no I/O, no Dagster."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

import idna

if TYPE_CHECKING:
    from mailevents_dagster.model.columns import RowFormat
    from mailevents_dagster.model.outcome import OutcomesOf


@dataclass(frozen=True, slots=True, order=True)
class FeedKind:
    """What all feeds of one name have in common, whoever owns them. A source says which kinds it has."""

    source: str
    """The source, as it begins asset keys."""
    name: str
    """The name that settings and people use, such as `mail/incominglog`. No two sources share one."""
    category: str = field(compare=False)
    type: str = field(compare=False)
    summary: str = field(compare=False)
    load_rows: Callable[[], RowFormat] = field(compare=False, repr=False)
    """Return how its records become rows; called late, since what plans and shows need not load pyarrow."""
    key: tuple[str, ...] = field(compare=False)
    """What follows the owner in asset keys."""
    kept_days: int | None = field(default=None, compare=False)
    """How far back the source answers; older windows are refused. None: it answers, perhaps with nothing."""
    has_details: bool = field(default=False, compare=False)
    """Whether an event is more than its row in the listing and is asked for by itself."""
    makes_calls: bool = field(default=True, compare=False)
    """Whether its source is asked by calls, which are counted and may have a budget."""
    is_delivery: bool = field(default=False, compare=False)
    """Whether its events are what another system took, so that some may wait to be handed over."""
    owner: Literal["domain", "server"] = field(default="domain", compare=False)
    """What has such feeds."""
    has_json_log: bool = field(default=True, compare=False)
    """Whether its logs hold JSON; else the lines that the source gave."""
    log_folder: str = field(default="", compare=False)
    """Where its logs lie below the folder of the owner."""
    learnt_row_limit: str = field(default="", compare=False)
    """The name under which the source notes the most rows that an answer turned out to show."""
    personal_summaries: tuple[str, ...] = field(default=(), compare=False)
    """Summaries of a day that name people who appear in these events."""
    personal_parts: tuple[str, ...] = field(default=(), compare=False)
    """Answers about a day that are made of these events and name people."""
    is_in_lives: bool = field(default=False, compare=False)
    """Whether the lives of mails are made of these events; those of a day name people, too."""
    load_outcomes: Callable[[], OutcomesOf] | None = field(default=None, compare=False, repr=False)
    """Return how its records tell what became of mails; called late, as that of rows. None: they do not."""
    comes_last: bool = field(default=False, compare=False)
    """Whether its hours are made of those of other owners, so that a run collects it after all others."""
    metadata: Mapping[str, str] = field(default_factory=dict, compare=False)
    """What the source adds to the metadata of its assets."""
    facts: Mapping[str, str] = field(default_factory=dict, compare=False)
    """What people want to know of how the source is asked for it, for its description."""

    @property
    def rows(self) -> RowFormat:
        return self.load_rows()

    @property
    def asked_days(self) -> int | None:
        """Return how far back the source is asked: a day less than it keeps, since it might forget it meanwhile."""
        return None if self.kept_days is None else self.kept_days - 1

    def is_asked_for(self, start: float, now: float) -> bool:
        """Return whether a window from this time on is still asked for."""
        return self.asked_days is None or start >= now - self.asked_days * 86_400


@dataclass(frozen=True, slots=True, order=True)
class Feed:
    """One stream of one owner: a domain in its ASCII form (punycode) and in small letters, a server, a mailbox."""

    domain: str
    kind: FeedKind

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def asset_key(self) -> tuple[str, ...]:
        return (self.kind.source, self.domain, *self.kind.key)

    @property
    def lane(self) -> tuple[str, str]:
        """Return what feeds share that are collected one after the other: a source and its owner."""
        return self.kind.source, self.domain

    @property
    def group(self) -> str:
        return dagster_name(self.domain)

    @property
    def tag(self) -> str:
        """Return the owner as Dagster allows it in a tag: without @, and not longer than 63 characters."""
        return re.sub(r"[^A-Za-z0-9_.-]", "_", self.domain.replace("@", "_at_"))[:63]

    def matches(self, pattern: str) -> bool:
        """Return whether a pattern such as `example.com mail/*` means this feed. Any spelling of the domain will do."""
        written = (str(self), f"{readable_domain(self.domain)} {self.name}")
        return any(fnmatchcase(one, pattern.lower()) for one in written)

    def __str__(self) -> str:
        return f"{self.domain} {self.name}"


def dagster_name(text: str) -> str:
    """Return the text with `_` for each character that Dagster refuses in a name; different texts can become one."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def readable_domain(domain: str) -> str:
    """Return a punycode domain as people write it, or as it is where it cannot be decoded."""
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain
