"""Simulated mail, minute by minute: what arrives, what becomes of it, and what is refused.

Each minute has its own seed, so that it is the same whoever asks for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Final, NamedTuple, TypeVar

from mailevents_dagster.sources.maillog.simulator.words import (
    ALIASES,
    CLIENTS,
    LIVES,
    LOCAL,
    LOCAL_LIVES,
    PEOPLE,
    REASONS,
    RELAYS,
    STRANGERS,
    SUBJECTS,
    Answer,
    Host,
    Reason,
)

T = TypeVar("T")

RETRIES: Final = (0, 480, 1500, 3700, 8500, 18_200)
"""Seconds from the first attempt to each one."""
LONGEST_LIFE: Final = 18_600
"""Seconds within which every mail that arrived is done with."""
REFUSED_SHARE: Final = 0.25
"""Refused mails for each one that is taken."""
_DAY: Final = (2, 1, 1, 1, 1, 2, 4, 8, 16, 24, 26, 25, 18, 22, 25, 24, 22, 18, 12, 8, 6, 5, 4, 3)
_MEAN: Final = sum(_DAY) / len(_DAY)


class Recipient(NamedTuple):
    """A recipient, and what each attempt to deliver to it came to."""

    address: str
    original: str
    """The address that was written to."""
    relay: Host | None
    """None where the server itself has the mailbox."""
    answers: tuple[Answer, ...]


class Mail(NamedTuple):
    """A mail that a server takes; `number` is random, for ids and whatever else differs from mail to mail."""

    time: int
    number: int
    sender: str
    client: Host | None
    """None where a program on the server itself sends."""
    user: str
    """Who signed in to send it; empty where nobody did."""
    size: int
    subject: str
    recipients: tuple[Recipient, ...]


class Refusal(NamedTuple):
    """A recipient that a server refuses while the mail is offered."""

    time: int
    number: int
    sender: str
    client: Host
    address: str
    reason: Reason


def traffic(seed: str, minute: int, hour: int, mails_per_hour: float) -> Iterator[Mail | Refusal]:
    """Yield what comes in a minute, in no order; `hour` is the hour of the day there, for the rhythm of the day."""
    random = seeded(seed, minute)
    mean = mails_per_hour / 60 * _DAY[hour] / _MEAN
    for _ in range(int(mean + random.random())):
        yield _mail(random, minute * 60 + int(random.random() * 60))
    for _ in range(int(mean * REFUSED_SHARE + random.random())):
        yield _refusal(random, minute * 60 + int(random.random() * 60))


def seeded(*parts: object) -> Random:
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return Random(int.from_bytes(digest))  # noqa: S311 - mail, not secrets


def _mail(random: Random, time: int) -> Mail:
    kind = random.random()
    number = random.getrandbits(64)
    subject = _one(random, SUBJECTS).replace("{n}", str(number % 9000))
    size = 900 + int(random.random() ** 4 * 400_000)
    if kind < 0.5:
        relay = _one(random, RELAYS)
        sender = "" if kind < 0.03 else f"{_one(random, PEOPLE)}@{relay.domain}"
        return Mail(time, number, sender, relay, "", size, subject, _recipients(random, _here, 0.15))
    if kind < 0.93:
        user = _one(random, PEOPLE)
        recipients = _recipients(random, _elsewhere, 0.25)
        return Mail(time, number, f"{user}@{LOCAL}", _one(random, CLIENTS), user, size, subject, recipients)
    return Mail(time, number, f"www-data@{LOCAL}", None, "", size, subject, _recipients(random, _elsewhere, 0.8))


def _recipients(random: Random, make: Callable[[Random], Recipient], more: float) -> tuple[Recipient, ...]:
    """Return one recipient or several, none of them twice; `more` is how likely each further one is."""
    first = make(random)
    if random.random() >= more:
        return (first,)
    found = {first.address: first}
    while len(found) < 9 and random.random() < more:
        other = make(random)
        found.setdefault(other.address, other)
    return tuple(found.values())


def _here(random: Random) -> Recipient:
    person = _one(random, PEOPLE)
    original = ALIASES.get(person, person)
    return Recipient(f"{person}@{LOCAL}", f"{original}@{LOCAL}", None, _one(random, LOCAL_LIVES))


def _elsewhere(random: Random) -> Recipient:
    relay = _one(random, RELAYS)
    address = f"{_one(random, PEOPLE)}@{relay.domain}"
    return Recipient(address, address, relay, _one(random, LIVES))


def _refusal(random: Random, time: int) -> Refusal:
    sender = "" if random.random() < 0.2 else f"{_one(random, PEOPLE)}@kampanya.invalid"
    address = f"{_one(random, PEOPLE)}{int(random.random() * 90)}@{LOCAL}"
    return Refusal(time, random.getrandbits(64), sender, _one(random, STRANGERS), address, _one(random, REASONS))


def _one(random: Random, of: Sequence[T]) -> T:
    """Return any of them; in a third of the time that `choice` takes."""
    return of[int(random.random() * len(of))]
