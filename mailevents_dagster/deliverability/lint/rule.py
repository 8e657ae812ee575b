"""A rule on messages, and what it found. Pure values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from mailevents_dagster.deliverability.lint.mail import Mail

_MOST: Final = 1_000
"""Things that a rule names of one message, at most."""


class Weight(StrEnum):
    """How much a rule weighs where it fails."""

    ERROR = "error"
    """Receivers refuse such mails, file them as spam, or warn of them; or people cannot use them."""
    WARNING = "warning"
    """It costs reputation, or some readers see less."""
    NOTICE = "notice"
    """Nothing is wrong; something could not be judged."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What is asked of a message, why, and what to do where it is not so."""

    id: str
    weight: Weight
    reason: str
    mend: str
    find: Callable[[Mail], Iterable[str]]
    """Return what is wrong, one short text each; nothing where all is well."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that fails, and where."""

    rule: Rule
    said: tuple[str, ...]


def finding_of(rule: Rule, mail: Mail) -> Finding | None:
    """Return what a rule finds in a mail; None where it finds nothing."""
    said = tuple(islice(dict.fromkeys(rule.find(mail)), _MOST))
    return Finding(rule, said) if said else None
