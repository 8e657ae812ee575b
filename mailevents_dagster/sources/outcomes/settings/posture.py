"""How a domain's posture is looked at: whom to ask, and what is known of how it sends."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Annotated, Final, Literal, get_args

from pydantic import AfterValidator, Field

from mailevents_dagster.settings.domain_names import ascii_domain
from mailevents_dagster.settings.fields import NO_TRUTH_VALUE, FilePath, Strict, YesNo
from mailevents_dagster.settings.values import host_and_port

DNS: Final = 53
MOST: Final = 100
"""Addresses, selectors or lists of one domain: each is asked for every day."""

SELECTOR: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9_])?")


def _check_server(text: str) -> str:
    host_and_port(text, DNS)
    return text


def _check_address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError("is not an IP address; write one like 192.0.2.1 or 2001:db8::1, without a port") from None


def _check_selector(text: str) -> str:
    if not SELECTOR.fullmatch(text):
        raise ValueError("is not a selector; write what stands as `s=` in the DKIM-Signature of a mail")
    return text.lower()


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


Domains = Annotated[tuple[Annotated[str, AfterValidator(ascii_domain)], ...], AfterValidator(_once)]
Port = Annotated[int, Field(ge=1, le=65_535), NO_TRUTH_VALUE]
Topic = Literal["spf", "dkim", "dmarc", "mx", "mta-sts", "tls-rpt", "bimi", "dnssec", "ptr", "helo", "tls", "starttls"]


TOPICS: Final = get_args(Topic)


class ResolverSettings(Strict):
    """Which name servers are asked, and how."""

    nameservers: tuple[Annotated[str, AfterValidator(_check_server)], ...] = Field(
        default=(),
        description="Asked in this order, as `host` or `host:port`; none: those of this machine.",
        examples=[["192.0.2.53", "192.0.2.54:5353"]],
    )
    timeout_seconds: Annotated[float, Field(ge=0.05, le=60), NO_TRUTH_VALUE] = Field(
        default=5.0, description="How long each of them has for an answer."
    )
    tcp: YesNo = Field(default=True, description="Whether what is too long for UDP is asked for by TCP.")


class PostureSettings(Strict):
    """What DNS and mail servers say of the domain, looked at once a day."""

    resolver: ResolverSettings = Field(default=ResolverSettings(), description="The name servers to ask.")
    selectors: Annotated[
        tuple[Annotated[str, AfterValidator(_check_selector)], ...],
        Field(max_length=MOST),
        AfterValidator(_once),
    ] = Field(
        default=(),
        description="Selectors of its DKIM keys, beside those that DMARC reports and signatures of mails tell of.",
        examples=[["s1", "google"]],
    )
    sending_ips: Annotated[
        tuple[Annotated[str, AfterValidator(_check_address)], ...],
        Field(max_length=MOST),
        AfterValidator(_once),
    ] = Field(
        default=(),
        description="Addresses that its mail leaves from, beside those that logs tell of.",
        examples=[["192.0.2.1"]],
    )
    helo: Domains = Field(
        default=(), description="Names with which its servers greet others.", examples=[["mx1.example.com"]]
    )
    skip: Annotated[tuple[Topic, ...], AfterValidator(_once)] = Field(
        default=(),
        description="What is not looked at; all of them: there is no such answer.",
        examples=[["bimi", "starttls"]],
    )
    smtp_port: Port = Field(default=25, description="Where its mail servers are tried for STARTTLS.")
    https_port: Port = Field(default=443, description="Where its MTA-STS policy is fetched.")
    ca_bundle: FilePath | None = Field(
        default=None, description="A PEM file of authorities to trust, instead of the public ones."
    )


class BlocklistSettings(Strict):
    """The lists that the domain and its sending addresses are looked up in, once a day."""

    ip_zones: Domains = Field(
        default=("zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com"),
        description="Lists of addresses; `[]`: none is asked.",
    )
    domain_zones: Domains = Field(
        default=("dbl.spamhaus.org", "multi.surbl.org"), description="Lists of domains; `[]`: none is asked."
    )
