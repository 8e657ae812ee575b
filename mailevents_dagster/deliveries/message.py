"""What is handed to another system, what a receiver answers, and what is counted. Pure values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """One thing to deliver. A destination gets each key once."""

    key: str
    """By which the receiver can tell a repetition; holds no personal data, since logs name it."""
    body: str
    """A JSON text."""
    hour: int
    """The start of the hour that its event was committed to."""
    time: int
    """The time of its event; messages go out in this order."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that is not delivered, as far as is known."""

    message: Message
    tried_at: int | None
    """When it was first tried without an answer, so that it may have gone out. None: it did not go out."""
    part_of: str | None = None
    """As part of what it was tried, where it goes out with others."""


@dataclass(frozen=True, slots=True)
class Aside:
    """A message that never goes, without its body."""

    key: str
    hour: int
    time: int
    reason: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the receiver answered to a message for good, without its body."""

    key: str
    time: int
    """The time of the event."""
    state: str
    """`taken`, or `aside`: it never goes."""
    answered_at: int
    receiver_id: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the messages of a destination, or of one hour of it."""

    waiting: int = 0
    uncertain: int = 0
    """So many of those that wait may have gone out already."""
    oldest_waiting: int | None = None
    """Since when the one waits that was noted first."""
    taken: int = 0
    aside: int = 0

    def __add__(self, other: Counts) -> Counts:
        oldest = [since for since in (self.oldest_waiting, other.oldest_waiting) if since is not None]
        return Counts(
            self.waiting + other.waiting,
            self.uncertain + other.uncertain,
            min(oldest, default=None),
            self.taken + other.taken,
            self.aside + other.aside,
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """The receiver has the message."""

    receiver_id: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will never take this message."""

    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """The message was not taken, or nobody knows whether it was."""

    reason: str
    is_passing: bool = True
    """Whether trying again may help; where not, nothing else is tried in this run."""
    may_have_arrived: bool = False


Answer = Taken | Refused | Failed
Send = Callable[[Sequence[Message]], Sequence[Answer]]
"""Hand over messages and return one answer for each. Called from several threads where the limits allow it."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a receiver takes at a time."""

    messages: int
    bytes: int
    """Of the bodies of one batch together."""
    at_once: int = 1
    """Batches under way at the same time. One where order matters."""
    known_again_seconds: int = 0
    """For so long the receiver knows a key again and ignores a repetition."""
