"""What came of a question to the world. Three states: what could not be asked is never taken for what is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    THERE = "there"
    ABSENT = "not there"
    UNASKED = "could not be asked"


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """What is asked of whom: a DNS type of a name, or one of the kinds that are no DNS."""

    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.name} {self.kind}"


@dataclass(frozen=True, slots=True)
class Answer:
    """The records are text, in an order of their own, so that the same records are equal on every day."""

    state: State
    records: tuple[str, ...] = ()
    reason: str = ""
    """Why it could not be asked, or how it is known that it is not there."""
    aliases: tuple[str, ...] = ()
    """The names that the asked name led to by CNAME records, in their order."""
    is_authenticated: bool = False
    """Whether the resolver says that DNSSEC proved it."""
    kept_from: str = ""
    """The day on which it was heard, where it could not be asked today."""

    @property
    def is_there(self) -> bool:
        return self.state is State.THERE

    @property
    def is_absent(self) -> bool:
        return self.state is State.ABSENT

    @property
    def is_unasked(self) -> bool:
        return self.state is State.UNASKED


Ask = Callable[[str, str], Answer]
"""Takes a name and a kind."""


def there(*records: str) -> Answer:
    return Answer(State.THERE, tuple(sorted(records)))


def absent(reason: str = "") -> Answer:
    return Answer(State.ABSENT, reason=reason)


def unasked(reason: str) -> Answer:
    return Answer(State.UNASKED, reason=reason)
