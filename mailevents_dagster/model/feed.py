"""Feed: one stream of one domain, and the names derived from it. Pure values; no paths, no I/O, no Dagster."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, Literal

import idna

Category = Literal["mail", "quarantine", "authentication"]


@dataclass(frozen=True, slots=True)
class FeedKind:
    """What all feeds of one name have in common, whatever their domain."""

    category: Category
    type: str
    endpoint: str
    """Path of the listing below the API's base URL."""
    kept_days: int | None
    """How far back the API answers; older windows are refused. None: it answers, perhaps with nothing."""
    summary: str

    @property
    def asked_days(self) -> int | None:
        """How far back it is asked for: a day less than it is kept, since the API might forget it in the middle."""
        return None if self.kept_days is None else self.kept_days - 1

    def is_asked_for(self, start: float, now: float) -> bool:
        """Whether a window from this time on is still asked for."""
        return self.asked_days is None or start >= now - self.asked_days * 86_400

    @property
    def has_details(self) -> bool:
        return self.category == "mail"


FEED_KINDS: Final[dict[str, FeedKind]] = {
    "mail/incominglog": FeedKind(
        "mail", "incominglog", "/logs/mail", None, "Mails received by the domain and what became of each."
    ),
    "mail/outgoinglog": FeedKind(
        "mail", "outgoinglog", "/logs/mail", None, "Mails sent by the domain and what became of each."
    ),
    "quarantine/quarantine": FeedKind(
        "quarantine", "quarantine", "/quarantines", 7, "Mails kept in quarantine, with reason and score."
    ),
    "quarantine/hold": FeedKind(
        "quarantine", "hold", "/quarantines", 7, "Mails held back until somebody decides about them."
    ),
    "authentication": FeedKind(
        "authentication", "auth", "/logs/authentication", None, "Sign-ins, failed and successful."
    ),
}
"""Every feed a domain can have, by the name that settings and people use."""


@dataclass(frozen=True, slots=True, order=True)
class Feed:
    """One stream of one domain. The domain is in its ASCII form (punycode), in small letters."""

    domain: str
    name: str
    """A key of FEED_KINDS, such as `mail/incominglog`."""

    @property
    def kind(self) -> FeedKind:
        return FEED_KINDS[self.name]

    @property
    def asset_key(self) -> tuple[str, ...]:
        return ("uzmanposta", self.domain, *self.name.split("/"))

    @property
    def group(self) -> str:
        return dagster_name(self.domain)

    def is_like(self, pattern: str) -> bool:
        """Whether a pattern such as `example.com mail/*` means this feed; the domain may be written as people do."""
        written = (str(self), f"{readable_domain(self.domain)} {self.name}")
        return any(fnmatchcase(one, pattern.lower()) for one in written)

    def __str__(self) -> str:
        return f"{self.domain} {self.name}"


def dagster_name(text: str) -> str:
    """The text with every character that Dagster refuses in a name as `_`; different texts can meet in one name."""
    return re.sub(r"[^A-Za-z0-9_]", "_", text)


def readable_domain(domain: str) -> str:
    """A punycode domain as people write it, or as it is where it is not decodable."""
    try:
        return idna.decode(domain)
    except idna.IDNAError:
        return domain
