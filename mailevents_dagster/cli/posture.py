"""`mailevents posture`."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from mailevents_dagster.cli.terminal import Exit, FiniteRange, extra, json_option, show_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mailevents_dagster.deliverability.answers import Answer, Question
    from mailevents_dagster.deliverability.dns import NameServer, Resolver
    from mailevents_dagster.deliverability.posture.asking import Asking
    from mailevents_dagster.deliverability.posture.findings import Finding
    from mailevents_dagster.deliverability.posture.looking import Subject

SAY_EVERY: Final = 3.0
TOPICS: Final = ("spf", "dkim", "dmarc", "mx", "mta-sts", "tls-rpt", "bimi", "dnssec", "ptr", "helo", "tls", "starttls")


@click.command()
@click.argument("domain")
@click.option(
    "--resolver", "servers", multiple=True, metavar="HOST:PORT", help="A name server; else those of this machine."
)
@click.option("--selector", "selectors", multiple=True, metavar="NAME", help="Of DKIM; else those that many use.")
@click.option("--ip", "ips", multiple=True, metavar="ADDRESS", help="A server that sends, to be looked at, too.")
@click.option("--helo", "helo", multiple=True, metavar="NAME", help="A name with which a server greets.")
@click.option("--skip", multiple=True, type=click.Choice(TOPICS), help="A topic not to look at.")
@click.option(
    "--timeout", default=5.0, show_default=True, type=FiniteRange(0.05, 60), help="Seconds for each name server."
)
@click.option(
    "--https-port", default=443, show_default=True, type=click.IntRange(1, 65535), help="Of MTA-STS policies."
)
@click.option("--smtp-port", default=25, show_default=True, type=click.IntRange(1, 65535), help="Of mail servers.")
@click.option(
    "--ca-bundle",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Authorities to trust, instead of the public ones.",
)
@json_option()
def posture(
    domain: str,
    *,
    servers: tuple[str, ...],
    selectors: tuple[str, ...],
    ips: tuple[str, ...],
    helo: tuple[str, ...],
    skip: tuple[str, ...],
    timeout: float,
    https_port: int,
    smtp_port: int,
    ca_bundle: Path | None,
    as_json: bool,
) -> None:
    """Look at what DNS and the mail servers of a domain say, and what large receivers make of it.

    Needs no settings. What could not be asked is told apart from what is not there. Ends with 1 where something is bad,
    or a record could not be asked.
    """
    with extra("deliverability"):
        from mailevents_dagster.deliverability.dns import Resolver, system_servers
        from mailevents_dagster.deliverability.posture.looking import look
        from mailevents_dagster.deliverability.posture.world import World

    subject = _subject(domain, selectors, ips, helo, skip)
    resolver = Resolver([*map(_server, servers)] or system_servers(), timeout)
    world = World(_asking(resolver, https_port, smtp_port, str(ca_bundle) if ca_bundle else None).ask)
    findings = look(subject, time.time(), world, _telling())
    if as_json:
        show_json(_as_json(subject, findings, world.heard))
    else:
        _show(subject, findings)
    sys.exit(Exit.SOME_FAILED if any(map(_is_to_be_looked_at, findings)) else Exit.DONE)


def _subject(
    domain: str, selectors: "Sequence[str]", ips: "Sequence[str]", helo: "Sequence[str]", skip: "Sequence[str]"
) -> "Subject":
    from mailevents_dagster.deliverability.posture.looking import Subject

    names = tuple(_domain(name, "--helo") for name in helo)
    asked = _domain(domain, "DOMAIN")
    return Subject(asked, _keys(asked, selectors), tuple(map(_address, ips)), names, frozenset(skip))


def _asking(resolver: "Resolver", https_port: int, smtp_port: int, bundle: str | None) -> "Asking":
    from mailevents_dagster.deliverability.posture.asking import Asking
    from mailevents_dagster.deliverability.posture.policy_file import PolicyFiles
    from mailevents_dagster.deliverability.posture.smtp_tls import MailServers

    seconds = 2 * resolver.seconds
    return Asking(resolver, PolicyFiles(https_port, bundle, seconds), MailServers(smtp_port, bundle, seconds))


def _is_to_be_looked_at(finding: "Finding") -> bool:
    from mailevents_dagster.deliverability.answers import State
    from mailevents_dagster.deliverability.posture.findings import Verdict

    # That a mail server is out of reach from here is usual.
    is_lost = finding.state is State.UNASKED and finding.topic != "starttls"
    return finding.verdict is Verdict.BAD or is_lost


def _telling() -> "Callable[[str], object]":
    from mailevents_dagster.collecting.interval import Every

    interval = Every(SAY_EVERY)
    return lambda text: click.echo(text, err=True) if interval.has_passed() else None


def _server(text: str) -> "NameServer":
    from mailevents_dagster.deliverability.dns import name_server

    try:
        return name_server(text)
    except ValueError as error:
        raise click.UsageError(f"--resolver `{text}` {error}") from error


def _domain(text: str, option: str) -> str:
    from mailevents_dagster.settings.domain_names import ascii_domain

    try:
        return ascii_domain(text.removesuffix("."))
    except ValueError as error:
        raise click.UsageError(f"{option} `{text}` {error}") from error


def _address(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise click.UsageError(f"--ip `{text}` is not an address; write it like 192.0.2.1 or 2001:db8::1") from error


def _keys(domain: str, selectors: "Sequence[str]") -> "Mapping[str, str]":
    from mailevents_dagster.deliverability.posture.dkim import guessed, key_name

    return {key_name(selector, domain): "named for this look" for selector in selectors} or guessed(domain)


def _as_json(
    subject: "Subject", findings: "Iterable[Finding]", heard: "Mapping[Question, Answer]"
) -> dict[str, object]:
    return {
        "domain": subject.domain,
        "findings": [
            {
                "code": one.code,
                "name": one.name,
                "verdict": one.verdict,
                "state": one.state,
                "text": one.text,
                "mend": one.mend,
                "details": one.details,
            }
            for one in findings
        ],
        "records": [
            {
                "name": question.name,
                "kind": question.kind,
                "state": answer.state,
                "records": answer.records,
                "reason": answer.reason,
            }
            for question, answer in sorted(heard.items())
        ],
    }


def _show(subject: "Subject", findings: "Sequence[Finding]") -> None:
    """Show the findings, what is bad first in each topic."""
    from mailevents_dagster.cli.terminal import console
    from mailevents_dagster.deliverability.posture.findings import Verdict

    order, out = {verdict: place for place, verdict in enumerate(reversed(Verdict))}, console()
    order[Verdict.BAD], order[Verdict.UNKNOWN] = -2, -1
    out.print(f"{subject.domain}", markup=False, highlight=False, style="bold")
    for topic in dict.fromkeys(one.topic for one in findings):
        out.print(f"\n{topic.upper()}", markup=False, highlight=False, style="bold")
        for one in sorted((one for one in findings if one.topic == topic), key=lambda one: order[one.verdict]):
            mend = f" → {one.mend}" if one.mend and one.verdict is not Verdict.UNKNOWN else ""
            out.print(f"  {one.verdict:<8}{one.text}{mend}", markup=False, highlight=False, soft_wrap=True)
