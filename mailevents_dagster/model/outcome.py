"""Outcome: what became of a mail for one recipient at one attempt, whoever tells it. Pure values."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum


class Became(StrEnum):
    """What can become of a mail."""

    ACCEPTED = "accepted"
    """The sending server took it and will try to deliver it."""
    DELIVERED = "delivered"
    """The receiving server took it."""
    DEFERRED = "deferred"
    """It will be tried again."""
    BOUNCED = "bounced"
    """It was given up."""
    COMPLAINED = "complained"
    """The recipient called it spam."""
    UNSUBSCRIBED = "unsubscribed"
    OPENED = "opened"
    CLICKED = "clicked"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a record says became of a mail for one recipient. None is what it does not say."""

    time: float
    """When, in Unix seconds; that of the record where it says no other."""
    became: Became
    id: bytes
    """Names it among those of its feed, and stays the same while its record only changes its state."""
    recipient: str | None = None
    sender: str | None = None
    message_id: str | None = None
    queue_id: str | None = None
    code: int | None = None
    enhanced_code: str | None = None
    text: str | None = None
    relay_host: str | None = None
    relay_ip: str | None = None
    sending_ip: str | None = None
    server: str | None = None
    tls: bool | None = None
    is_tried: bool = True
    """Whether it was tried at all, or put off by the sending server, which found it too early."""
    subject: str | None = None
    accepted_at: float | None = None
    verdict: tuple[str, str, str] | None = None
    """Class, reason and rule of a failure, where the record says them; else the rules find them."""


OutcomesOf = Callable[..., Iterable[tuple[float, Outcome]]]
"""Takes a Store, a Feed, an Hour and a domain. Returns what the committed hour says of the domain's mail, each outcome
with the time of its record."""
