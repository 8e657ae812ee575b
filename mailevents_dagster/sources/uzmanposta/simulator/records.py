"""Records in the fields of the API: generated ones, their details, and the time that one is listed by."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from random import Random
from typing import Any, Final

from mailevents_dagster.sources.uzmanposta.simulator import words

Record = dict[str, Any]
Maker = Callable[[Random, str, str, int], Record]


def _mail(direction: str, random: Random, domain: str, queue_id: str, time: int) -> Record:
    """Make a row of a mail listing; two in a hundred were rejected before they were queued."""
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


def _recipients(random: Random, domain: str | None, time: int) -> list[Record]:
    """Make one to five recipients, at the domain or elsewhere; the first has the time of the record."""
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


def _kept_back(kind: str, random: Random, domain: str, queue_id: str, time: int) -> Record:
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


def _sign_in(random: Random, domain: str, queue_id: str, time: int) -> Record:  # noqa: ARG001 - a sign-in has no id
    return {
        "email": f"{random.choice(words.PEOPLE)[1]}@{domain}",
        "service": random.choice(words.SERVICES),
        "srcip": _address(random),
        "srclocation": random.choice(words.PLACES),
        "status": "failed" if random.random() < 0.15 else "success",
        "time": time,
    }


def _address(random: Random) -> str:
    """Return an address that documentation may use: RFC 5737, and one in ten of RFC 3849."""
    if random.random() < 0.1:
        return f"2001:db8:{random.randrange(1, 65536):x}::{random.randrange(1, 65536):x}"
    return f"{random.choice(('192.0.2', '203.0.113'))}.{random.randrange(1, 255)}"


MAKERS: Final[dict[str, Maker]] = {
    "mail/incominglog": partial(_mail, "incoming"),
    "mail/outgoinglog": partial(_mail, "outgoing"),
    "quarantine/quarantine": partial(_kept_back, "quarantine"),
    "quarantine/hold": partial(_kept_back, "hold"),
    "authentication": _sign_in,
}
"""What makes one record of a feed: it depends on the random numbers, the domain, the queue id and the time alone."""


def is_queued(record: Record) -> bool:
    """Return whether a mail has a detail to ask for."""
    return bool(record.get("queue_id")) and bool(record.get("recipients"))


def own_time(record: Record) -> int | None:
    """Return the Unix seconds that listings go by: those of the first recipient, else the record's own, if any."""
    values = [record.get(name) for name in ("time", "timestamp", "starttime")]
    recipients = record.get("recipients")
    if isinstance(recipients, list) and recipients and isinstance(recipients[0], dict):
        values.insert(0, recipients[0].get("time"))
    return next((time for time in map(seconds, values) if time is not None), None)


def known_time(record: Record) -> int:
    """Return the own time of a record; 1970 where it has none to read."""
    return own_time(record) or 0


def seconds(value: object) -> int | None:
    """Return a time, given as a number or as text, in whole seconds."""
    if not isinstance(value, (int, float, str)):
        return None
    try:
        return int(float(value))
    except (ValueError, OverflowError):
        return None


def with_detail(record: Record) -> Record:
    """Add what the mail servers noted on the way of a mail; any of its own fields may be missing or odd."""
    recipients = [recipient for recipient in record.get("recipients") or () if isinstance(recipient, dict)]
    return {
        **record,
        "logs": _logs(record, recipients),
        "transactions": _transactions(record, recipients),
        "filters": _filters(record),
        "emails": [
            {
                "time": recipient.get("time"),
                "from": record.get("headerfrom"),
                "to": recipient.get("mailto"),
                "subject": record.get("subject"),
                "status": recipient.get("status"),
                "status_code": recipient.get("status_code"),
            }
            for recipient in recipients
        ],
    }


def _logs(record: Record, recipients: list[Record]) -> list[Record]:
    queue_id, time, source = record.get("queue_id"), record.get("time"), record.get("srcip")
    size = f"size={record.get('size')}, nrcpt={len(recipients)} (queue active)"
    lines = [
        (time, "smtpd", f"connect from client.example[{source}]"),
        (time, "smtpd", f"{queue_id}: client=client.example[{source}]"),
        (time, "cleanup", f"{queue_id}: message-id={record.get('message_id')}"),
        (time, "qmgr", f"{queue_id}: from=<{record.get('mailfrom')}>, {size}"),
    ]
    for one in recipients:
        relay = f"relay=mail.posta.example[{one.get('dstip')}]:25, dsn={one.get('status_code')}"
        outcome = f"status={one.get('status')} ({one.get('status_string')})"
        lines.append((one.get("time"), "smtp", f"{queue_id}: to=<{one.get('mailto')}>, {relay}, {outcome}"))
    return [{"time": at, "host": "mx1.posta.example", "program": program, "line": line} for at, program, line in lines]


def _transactions(record: Record, recipients: list[Record]) -> list[Record]:
    dialogue = [
        ("CONNECT", "220 mx1.posta.example ESMTP"),
        ("EHLO client.example", "250 mx1.posta.example"),
        ("STARTTLS", "220 2.0.0 Ready to start TLS"),
        (f"MAIL FROM:<{record.get('mailfrom')}>", "250 2.1.0 Ok"),
        *((f"RCPT TO:<{recipient.get('mailto')}>", "250 2.1.5 Ok") for recipient in recipients),
        ("DATA", f"250 2.0.0 Ok: queued as {record.get('queue_id')}"),
    ]
    return [{"time": record.get("time"), "command": command, "response": response} for command, response in dialogue]


def _filters(record: Record) -> list[Record]:
    size = record.get("size")
    score = size % 60 / 10 if isinstance(size, int) else 0.0
    return [
        {"name": "spf", "result": "pass", "detail": f"{record.get('srcip')} is permitted"},
        {"name": "dkim", "result": "pass" if score < 4 else "none", "detail": "header.s=posta"},
        {"name": "dmarc", "result": "pass" if score < 4 else "fail", "detail": "policy=quarantine"},
        {"name": "antivirus", "result": "clean", "detail": "0 of 2 engines"},
        {"name": "antispam", "result": "ham" if score < 5 else "spam", "score": score, "required": 5.0},
    ]
