"""One generated record of each feed, in the fields of the API. A record depends on its seed and time alone."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from mailevents_dagster.sources.uzmanposta.simulator import words

Record = dict[str, Any]
Maker = Callable[[Random, str, str, int], Record]


def mail(random: Random, direction: str, domain: str, queue_id: str, time: int) -> Record:
    """A row of a mail listing; two in a hundred were rejected before they were queued."""
    name, mailbox = random.choice(words.PEOPLE)
    incoming = direction == "incoming"
    sender = f"{mailbox}@{random.choice(words.ELSEWHERE) if incoming else domain}"
    record: Record = {
        "queue_id": queue_id,
        "message_id": f"<{random.getrandbits(64):016x}.{time}@{sender.rpartition('@')[2]}>",
        "time": time - random.choice((0, 0, 0, 1, 1, 2, 5)),
        "domain": domain,
        "direction": direction,
        "sender": sender,
        "mailfrom": sender if random.random() < 0.9 else f"bounce+{random.getrandbits(32):08x}@bulten.example",
        "headerfrom": f"{name} <{sender}>",
        "subject": random.choice(words.SUBJECTS).format(n=random.randrange(1000, 99999)),
        "size": int(random.lognormvariate(10.0, 1.4)),
        "srcip": _address(random),
        "srclocation": random.choice(words.PLACES),
        "tag": random.choice(words.TAGS),
        "recipients": _recipients(random, domain if incoming else None, time),
    }
    if random.random() < 0.02:
        _reject_before_queueing(random, record)
    return record


def is_queued(record: Record) -> bool:
    """Whether a mail has a detail to ask for."""
    return bool(record.get("queue_id")) and bool(record.get("recipients"))


def _reject_before_queueing(random: Random, record: Record) -> None:
    record["time"] = record["recipients"][0]["time"]
    rejection = random.randrange(4)
    if rejection == 0:
        del record["queue_id"], record["recipients"]
    elif rejection == 1:
        record["recipients"] = []
    else:
        del record["queue_id"]
        status, code, text, action = words.REJECTED
        record["recipients"] = record["recipients"][:1]
        record["recipients"][0].update(status=status, status_code=code, status_string=text, action=action)


def _recipients(random: Random, domain: str | None, time: int) -> list[Record]:
    """One to five recipients, at the domain or elsewhere; the first has the time of the record."""
    number = random.choices((1, 2, 3, 4, 5), (78, 11, 6, 3, 2))[0]
    recipients = []
    for index, (_, mailbox) in enumerate(random.sample(words.PEOPLE, number)):
        status, code, text, action = random.choices(words.OUTCOMES, words.OUTCOME_WEIGHTS)[0]
        recipients.append(
            {
                "time": time if index == 0 else time + random.randrange(4),
                "mailto": f"{mailbox}@{domain or random.choice(words.ELSEWHERE)}",
                "status": status,
                "status_code": code,
                "status_string": text,
                "action": action,
                "dstip": f"198.51.100.{random.randrange(1, 255)}",
            }
        )
    return recipients


def incoming(random: Random, domain: str, queue_id: str, time: int) -> Record:
    return mail(random, "incoming", domain, queue_id, time)


def outgoing(random: Random, domain: str, queue_id: str, time: int) -> Record:
    return mail(random, "outgoing", domain, queue_id, time)


def quarantine(random: Random, domain: str, queue_id: str, time: int) -> Record:
    return _kept_back(random, "quarantine", domain, queue_id, time)


def hold(random: Random, domain: str, queue_id: str, time: int) -> Record:
    return _kept_back(random, "hold", domain, queue_id, time)


def _kept_back(random: Random, kind: str, domain: str, queue_id: str, time: int) -> Record:
    return {
        "queue_id": queue_id,
        "type": kind,
        "mailfrom": f"{random.choice(words.PEOPLE)[1]}@{random.choice(words.ELSEWHERE)}",
        "mailto": f"{random.choice(words.PEOPLE)[1]}@{domain}",
        "subject": random.choice(words.SUBJECTS).format(n=random.randrange(1000, 99999)),
        "reason": random.choice(words.REASONS if kind == "quarantine" else words.HOLDS),
        "score": round(random.uniform(5.0, 30.0) if kind == "quarantine" else random.uniform(-1.0, 4.0), 2),
        "size": int(random.lognormvariate(9.5, 1.2)),
        "srcip": _address(random),
        "time": time,
    }


def authentication(random: Random, domain: str, queue_id: str, time: int) -> Record:  # noqa: ARG001 - a sign-in has no id
    mailbox = random.choice(words.PEOPLE)[1]
    return {
        "email": f"{mailbox}@{domain}",
        "service": random.choice(words.SERVICES),
        "srcip": _address(random),
        "srclocation": random.choice(words.PLACES),
        "status": "failed" if random.random() < 0.15 else "success",
        "time": time,
    }


def _address(random: Random) -> str:
    """An address that documentation may use: RFC 5737, and one in ten of RFC 3849."""
    if random.random() < 0.1:
        return f"2001:db8:{random.randrange(1, 65536):x}::{random.randrange(1, 65536):x}"
    return f"{random.choice(('192.0.2', '203.0.113'))}.{random.randrange(1, 255)}"


MAKERS: Final[dict[str, Maker]] = {
    "mail/incominglog": incoming,
    "mail/outgoinglog": outgoing,
    "quarantine/quarantine": quarantine,
    "quarantine/hold": hold,
    "authentication": authentication,
}
