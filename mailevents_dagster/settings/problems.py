"""What is wrong in a settings file, where, and how to mend it; never with a secret in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

Place = tuple[str | int, ...]
"""Keys and indexes from the top of the file down to a value."""

_LONGEST_QUOTE: Final = 60
_SECRETS: Final = (
    # `api_key:SECRET`, a slip that YAML reads as one piece of text.
    (re.compile(r"((?:key|webhook|password|secret)\W{0,2}[:=]).*", re.IGNORECASE | re.DOTALL), r"\1…"),
    (re.compile(r"//.*@", re.DOTALL), "//…@"),
    (re.compile(r"(?<=//)([^?#]*[?#]).*", re.DOTALL), r"\1…"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. The path is as in `accounts[1].feeds[0]`; empty where it is the file as a whole."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class SettingsError(Exception):
    """The settings cannot be used; the text lists every problem, one a line, below the name of the file."""

    def __init__(self, problems: Sequence[Problem], source: str = "settings") -> None:
        super().__init__(problems, source)
        self.problems = list(problems)
        self.source = source

    def __str__(self) -> str:
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        return "\n  ".join([f"{self.source}: {count}", *map(str, self.problems)])


@dataclass(slots=True)
class Problems:
    """The problems found so far. A place has at most one: what is wrong already is not judged again."""

    source: str
    secrets: frozenset[str] = frozenset()
    """Keys whose values are `${NAME}`: what stands there instead may be the secret itself."""
    written: dict[Place, str] = field(default_factory=dict)
    """Every scalar as it stands in the file, so that messages quote that, and no value of a variable."""
    _found: dict[Place, str] = field(default_factory=dict)

    def add(self, place: Place, message: str) -> None:
        if not any(place[:length] in self._found for length in range(len(place) + 1)):
            self._found[place] = message

    def quote(self, place: Place) -> str:
        """Return the value as the file has it, fit for a message."""
        if not self.secrets.isdisjoint(place):
            return "the value"
        return shown(self.written[place]) if place in self.written else "this"

    def raise_any(self) -> None:
        if self._found:
            found = sorted(self._found.items(), key=lambda one: [(isinstance(step, str), step) for step in one[0]])
            raise SettingsError([Problem(path(place), text) for place, text in found], self.source)


def shown(text: str) -> str:
    """Return the text in quotes on one line, without what may be a secret, and not too long."""
    text = text[:1000]
    for secret, mask in _SECRETS:
        text = secret.sub(mask, text)
    return repr(text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…")


def path(place: Place) -> str:
    """Return the place as people write it."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        elif re.fullmatch(r"[\w-]{1,60}", step):
            text += f".{step}" if text else step
        else:
            text += f"[{shown(step)}]"
    return text


def enumeration(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)
