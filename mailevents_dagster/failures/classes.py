"""The classes of failures, and what a rule that assigns one consists of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class BounceClass(StrEnum):
    """What a failure says of the address."""

    HARD = "hard"
    """The address does not exist or is disabled: do not mail it again."""
    SOFT = "soft"
    """It may work another time."""
    POLICY = "policy"
    """The sender or the content was refused, not the address: the sender must change something."""
    OTHER = "other"
    """Nothing certain is said."""


class Reason(StrEnum):
    """What of the sender was refused; a soft failure has one, too, where it says so."""

    NONE = ""
    REPUTATION = "reputation"
    CONTENT = "content"
    AUTHENTICATION = "authentication"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The class of a failure, and the rule that says so."""

    bounce_class: BounceClass
    rule: str
    reason: Reason = Reason.NONE


@dataclass(frozen=True, slots=True)
class Rule:
    """One reason for a class. It applies where each kind of matcher that it has applies."""

    id: str
    bounce_class: BounceClass
    reason: Reason = Reason.NONE
    enhanced: tuple[str, ...] = ()
    """Enhanced codes (RFC 3463): any of these; `x.1.1` is both 4.1.1 and 5.1.1."""
    codes: tuple[int, ...] = ()
    """Reply codes (RFC 5321): any of these."""
    texts: tuple[str, ...] = ()
    """Any of these phrases, whatever the case and the accents; `@` stands for any address."""
    overrides_passing: bool = False
    """It is hard even where the code says that the failure is passing. No other hard rule is."""


def phrases(*lines: str) -> tuple[str, ...]:
    """Return the phrases of lines on which `|` stands between them."""
    return tuple(phrase.strip() for line in lines for phrase in line.split("|"))
