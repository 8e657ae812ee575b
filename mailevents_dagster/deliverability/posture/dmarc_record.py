"""DMARC records, and where the one that counts stands: the tree walk of RFC 9989."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from mailevents_dagster.deliverability.answers import Answer
from mailevents_dagster.deliverability.posture.tags import Tags, of_version, tags_of
from mailevents_dagster.deliverability.posture.world import World

VERSION: Final = "DMARC1"
POLICIES: Final = ("none", "quarantine", "reject")
MOST_LABELS: Final = 8
"""A domain of as many labels or more is looked up, and then its last seven and fewer."""


@dataclass(frozen=True, slots=True)
class Published:
    """The one valid record of a domain."""

    domain: str
    text: str
    tags: Tags

    @property
    def values(self) -> Mapping[str, str]:
        return self.tags.values

    def one_of(self, tag: str, allowed: tuple[str, ...], default: str) -> str:
        value = self.values.get(tag, "").lower()
        return value if value in allowed else default


@dataclass(slots=True)
class TreeWalk:
    organization: str
    """The organizational domain; the domain itself where no record tells."""
    records: list[Published] = field(default_factory=list)
    """From the domain upwards."""
    unasked: Answer | None = None
    """The first answer that could not be had: what would have been found beyond is not known."""


def published(domain: str, answer: Answer) -> Published | None:
    """Return the record that counts; none where there are several."""
    records = of_version(answer.records, VERSION)
    return Published(domain, records[0], tags_of(records[0])) if len(records) == 1 else None


def names_of_walk(domain: str) -> list[str]:
    labels = domain.split(".")
    rest = labels[-(MOST_LABELS - 1) :] if len(labels) >= MOST_LABELS else labels[1:]
    return [domain, *(".".join(rest[place:]) for place in range(len(rest)))]


def tree_walk(domain: str, world: World) -> TreeWalk:
    walk = TreeWalk(domain)
    for name in names_of_walk(domain):
        answer = world.ask(f"_dmarc.{name}", "TXT")
        if answer.is_unasked:
            walk.unasked = walk.unasked or answer
            continue
        record = published(name, answer)
        if record is None:
            continue
        walk.records.append(record)
        psd = record.one_of("psd", ("y", "n"), "u")
        if psd == "n" or (psd == "y" and name != domain):
            walk.organization = name if psd == "n" else _below(name, domain)
            return walk
    if walk.records:
        walk.organization = walk.records[-1].domain
    return walk


def _below(suffix: str, domain: str) -> str:
    """Return the part of the domain with one label more than the suffix."""
    labels = domain.split(".")
    return ".".join(labels[-(suffix.count(".") + 2) :])
