"""What the TLS of the domain's own mail servers is worth to whoever sends to them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from mailevents_dagster.deliverability.answers import Answer
from mailevents_dagster.deliverability.posture.findings import (
    Finding,
    Verdict,
    bad,
    good,
    missing,
    unknown,
    weak,
)
from mailevents_dagster.deliverability.posture.mta_sts import covers
from mailevents_dagster.deliverability.posture.mx import NOWHERE, mx_hosts
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.quoting import few, quoted

STARTTLS: Final = "STARTTLS"
"""The kind of question that tries a mail server."""
SOON_DAYS: Final = 14


def starttls(domain: str, now: float, world: World) -> Iterator[Finding]:
    hosts = [host for host in mx_hosts(world.ask(domain, "MX")) if host != NOWHERE]
    for host, answer in zip(hosts, world.ask_all((host, STARTTLS) for host in hosts), strict=True):
        yield _of_host(host, answer, datetime.fromtimestamp(now, UTC))


def _of_host(host: str, answer: Answer, now: datetime) -> Finding:
    code = "starttls.certificate"
    if answer.is_unasked:
        text = f"{answer.reason}. Many networks let no mail out by port 25; that says nothing about {host}."
        return unknown(code, host, f"Whether {host} offers TLS", Answer(answer.state, reason=text.removesuffix(".")))
    if answer.is_absent:
        text = f"{host} takes mail without TLS alone: {answer.reason}. It can be read on its way."
        return missing(
            code, host, Verdict.BAD, text, "Switch STARTTLS on, with a certificate for the name of the host."
        )
    return _of_certificate(host, answer.records, now)


def _of_certificate(host: str, lines: tuple[str, ...], now: datetime) -> Finding:
    code, fields = "starttls.certificate", [line.partition(": ") for line in lines]
    values = {key: value for key, _, value in fields}
    names = [value for key, _, value in fields if key == "name"]
    begins, ends = (datetime.fromisoformat(values[key]) for key in ("not before", "not after"))
    mend = "Let the certificate be renewed by itself, and the server read the new one."
    if ends <= now:
        return bad(code, host, f"The certificate of {host} has expired on {ends:%Y-%m-%d}.", mend, lines)
    if begins > now:
        return bad(code, host, f"The certificate of {host} is not valid before {begins:%Y-%m-%d}.", mend, lines)
    if not any(covers(name, host) for name in names):
        text = f"The certificate of {host} is for {few(map(quoted, names)) or 'no name'}, which MTA-STS forbids."
        return weak(code, host, text, f"Get a certificate for {host}.", lines)
    if "refused" in values:
        text = f"Senders that look do not trust the certificate of {host}: {values['refused']}."
        return weak(code, host, text, "Get a certificate of a public authority, and serve its whole chain.", lines)
    if (ends - now).days < SOON_DAYS:
        text = f"The certificate of {host} expires in {(ends - now).days} days, on {ends:%Y-%m-%d}."
        return weak(code, host, text, mend, lines)
    return good(code, host, f"{host} offers TLS, with a certificate until {ends:%Y-%m-%d}.", lines)
