"""Simulated mail, minute by minute: what arrives, what becomes of it, and what is refused.

Each minute has its own seed, so that it is the same whoever asks for it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from random import Random
from typing import Final, NamedTuple, TypeVar

from mailevents_dagster.sources.maillog.simulator.words import (
    ALIASES,
    CLIENTS,
    LIVES,
    LOCAL_LIVES,
    PEOPLE,
    REASONS,
    RELAYS,
    SENT,
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
HANDED_SHARE: Final = 0.1
"""Mails that are handed to another simulated server for each one that comes from elsewhere."""
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
    message_id: str
    recipients: tuple[Recipient, ...]
    accepted_as: str = ""
    """What the next server answers, where it is one whose log is simulated, too."""


class Refusal(NamedTuple):
    """A recipient that a server refuses while the mail is offered."""

    time: int
    number: int
    sender: str
    client: Host
    address: str
    reason: Reason


def is_over_by(what: Mail | Refusal, time: int) -> bool:
    """Return whether all is written about it before a time."""
    attempts = max(len(one.answers) for one in what.recipients) if isinstance(what, Mail) else 1
    return what.time + RETRIES[attempts - 1] + LONGEST_LIFE - RETRIES[-1] < time


def domain_of(server: str) -> str:
    """Return the domain whose mail a server has: that of its name where it is one of documentation."""
    domain = server.partition(".")[2]
    return domain if re.fullmatch(r"(.+\.)?(.+\.example|.+\.invalid|example\.(com|net|org))", domain) else "example.com"


def traffic(server: str, kind: str, minute: int, mean: float) -> Iterator[Mail | Refusal]:
    """Yield what comes to a server in a minute, in no order; `mean` is how many mails on average."""
    random, domain = _seeded(server, kind, minute), domain_of(server)
    for _ in range(int(mean + random.random())):
        yield _mail(random, minute * 60 + int(random.random() * 60), domain)
    for _ in range(int(mean * REFUSED_SHARE + random.random())):
        yield _refusal(random, minute * 60 + int(random.random() * 60), domain)


def handed_on(server: str, to: str, minute: int, mean: float) -> Iterator[tuple[Mail, Mail]]:
    """Yield the mails that one server hands to another in a minute: as they come to the one, and to the other."""
    random = _seeded(server, to, minute)
    for _ in range(int(mean * HANDED_SHARE + random.random())):
        time = minute * 60 + int(random.random() * 60)
        first, second = random.getrandbits(64) // 5 * 5 + 2, random.getrandbits(64)  # Exim delivers after 2 seconds
        user, size, subject = _one(random, PEOPLE), 2000 + first % 50_000, _one(random, SUBJECTS)
        sender = f"{user}@{domain_of(server)}"
        message_id = f"{first:x}@{domain_of(server)}"
        there = _here(domain_of(to), random)
        here = Recipient(there.original, there.original, host_of(to), (SENT,))
        yield (
            Mail(time, first, sender, _one(random, CLIENTS), user, size, subject, message_id, (here,)),
            Mail(time + 1, second, sender, host_of(server), "", size + 400, subject, message_id, (there,)),
        )


def host_of(server: str) -> Host:
    """Return a server as others see it."""
    return Host(server, f"203.0.113.{sum(server.encode()) % 200 + 20}", domain_of(server), has_tls=True)


def liveliness(hour: int) -> float:
    """Return how lively an hour of the day is; 1 is the mean."""
    return _DAY[hour] / _MEAN


def _seeded(*parts: object) -> Random:
    digest = hashlib.blake2b("\0".join(map(str, parts)).encode(), digest_size=8).digest()
    return Random(int.from_bytes(digest))  # noqa: S311 - mail, not secrets


def _mail(random: Random, time: int, domain: str) -> Mail:
    kind = random.random()
    number = random.getrandbits(64)
    subject = _one(random, SUBJECTS).replace("{n}", str(number % 9000))
    size = 900 + int(random.random() ** 4 * 400_000)
    if kind < 0.5:
        relay = _one(random, RELAYS)
        sender = "" if kind < 0.03 else f"{_one(random, PEOPLE)}@{relay.domain}"
        recipients = _recipients(random, partial(_here, domain), 0.15)
        return Mail(time, number, sender, relay, "", size, subject, f"{number:x}@{relay.domain}", recipients)
    message_id = f"{number:x}@{domain}"
    if kind < 0.93:
        user = _one(random, PEOPLE)
        recipients = _recipients(random, _elsewhere, 0.25)
        client = _one(random, CLIENTS)
        return Mail(time, number, f"{user}@{domain}", client, user, size, subject, message_id, recipients)
    recipients = _recipients(random, _elsewhere, 0.8)
    return Mail(time, number, f"www-data@{domain}", None, "", size, subject, message_id, recipients)


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


def _here(domain: str, random: Random) -> Recipient:
    person = _one(random, PEOPLE)
    original = ALIASES.get(person, person)
    return Recipient(f"{person}@{domain}", f"{original}@{domain}", None, _one(random, LOCAL_LIVES))


def _elsewhere(random: Random) -> Recipient:
    relay = _one(random, RELAYS)
    address = f"{_one(random, PEOPLE)}@{relay.domain}"
    return Recipient(address, address, relay, _one(random, LIVES))


def _refusal(random: Random, time: int, domain: str) -> Refusal:
    sender = "" if random.random() < 0.2 else f"{_one(random, PEOPLE)}@kampanya.invalid"
    address = f"{_one(random, PEOPLE)}{int(random.random() * 90)}@{domain}"
    return Refusal(time, random.getrandbits(64), sender, _one(random, STRANGERS), address, _one(random, REASONS))


def _one(random: Random, of: Sequence[T]) -> T:
    """Return any of them; in a third of the time that `choice` takes."""
    return of[int(random.random() * len(of))]
