"""`mailevents posture` as a process, without settings, on real servers for names, policies and mail."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from dnslib import RCODE

from mailevents_dagster.cli.posture import TOPICS
from mailevents_dagster.deliverability.dns import NameServer
from mailevents_dagster.deliverability.posture import looking
from mailevents_dagster.sources.outcomes.settings.posture import Topic
from mailevents_dagster_tests.commands import mailevents
from mailevents_dagster_tests.deliverability.certificates import Authority
from mailevents_dagster_tests.deliverability.mail_server import smtp_server
from mailevents_dagster_tests.deliverability.name_server import Zone, nothing, rcode, serving
from mailevents_dagster_tests.deliverability.posture.test_dkim import rsa_key

RECORDS = """
example.com. 60 IN TXT "v=spf1 mx -all"
example.com. 60 IN MX 10 mx.example.com.
mx.example.com. 60 IN A 127.0.0.1
_dmarc.example.com. 60 IN TXT "v=DMARC1; p=reject; rua=mailto:dmarc@example.com"
"""
QUICK = ("--skip", "starttls", "--skip", "mta-sts")


@pytest.fixture
def zone() -> Zone:
    key = rsa_key(2048)
    return Zone(f'{RECORDS}\ngoogle._domainkey.example.com. 60 IN TXT "p={key[:200]}" "{key[200:]}"')


@pytest.fixture
def server(zone: Zone) -> Iterator[NameServer]:
    with serving(zone) as one:
        yield one


def posture(*arguments: str) -> subprocess.CompletedProcess[str]:
    done = mailevents("posture", *arguments, environ={"PATH": os.environ["PATH"]})
    assert "Traceback" not in done.stderr
    return done


def as_json(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(posture(*arguments, "--json").stdout)
    return found


def verdicts(found: dict[str, Any]) -> dict[str, str]:
    return {one["code"]: one["verdict"] for one in found["findings"]}


def test_a_page_says_what_is_and_what_to_do(server: NameServer) -> None:
    done = posture("Example.COM.", "--resolver", str(server), *QUICK)
    assert done.stdout.startswith("example.com\n")
    for words in (
        "  good    There is one SPF record.",
        "  bad     mx.example.com has an address that nobody reaches from outside: 127.0.0.1. → Publish the address",
        "  good    Google demands that there is a DMARC record with at least `p=none`: met.",
    ):
        assert words in done.stdout
    assert done.returncode == 1


def test_json_tells_the_three_states_apart(zone: Zone, server: NameServer) -> None:
    zone.says["_dmarc.example.com"] = rcode(RCODE.SERVFAIL)
    found = as_json("example.com", "--resolver", str(server), *QUICK)
    states = {f"{one['name']} {one['kind']}": one["state"] for one in found["records"]}
    assert states["example.com TXT"] == "there"
    assert states["_smtp._tls.example.com TXT"] == "not there"
    assert states["_dmarc.example.com TXT"] == "could not be asked"
    assert verdicts(found)["dmarc.record"] == verdicts(found)["google.dmarc"] == "unknown"
    assert verdicts(found)["dkim.usable"] == "good", "found by a selector that many use"


def test_a_name_server_that_says_nothing_leaves_all_open_and_ends_with_1(zone: Zone, server: NameServer) -> None:
    zone.says["*"] = nothing
    done = posture("example.com", "--resolver", str(server), "--timeout", "0.05", *QUICK)
    assert "  bad " not in done.stdout
    assert "could not be asked" in done.stdout
    assert done.returncode == 1


def test_mail_servers_and_policies_are_looked_at(zone: Zone, server: NameServer, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with smtp_server(authority.context("mx.example.com")) as port:
        ports = ("--smtp-port", str(port), "--https-port", "1", "--ca-bundle", authority.bundle)
        found = as_json("example.com", "--resolver", str(server), *ports)
    assert verdicts(found)["starttls.certificate"] == "good"


def test_several_name_servers_selectors_addresses_and_names_can_be_named(server: NameServer) -> None:
    with serving(Zone("")) as broken:
        options = ("--resolver", str(server), "--resolver", str(broken), "--selector", "s9", "--ip", "2001:DB8::1")
        found = as_json("example.com", *options, "--helo", "mx.example.com", *QUICK)
    names = {(one["code"], one["name"]): one["verdict"] for one in found["findings"]}
    assert names["dkim.key", "s9._domainkey.example.com"] == "bad"
    assert names["ptr.name", "2001:db8::1"] == "bad"
    assert names["spf.covers", "2001:db8::1"] == "bad"
    assert names["helo.name", "mx.example.com"] == "weak"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["not a domain"], "is not a domain"),
        (["example.com", "--resolver", "192.0.2.1:x"], "is not a server"),
        (["example.com", "--resolver", "no.such.invalid"], "write its IP address"),
        (["example.com", "--ip", "192.0.2.300"], "is not an address"),
        (["example.com", "--helo", "mx 1"], "is not a domain"),
        (["example.com", "--skip", "everything"], "is not one of"),
        (["example.com", "--timeout", "0"], "is not in the range"),
    ],
)
def test_what_is_written_wrong_is_told(arguments: list[str], said: str) -> None:
    done = posture(*arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_topics_are_the_same_wherever_they_are_named() -> None:
    assert TOPICS == tuple(looking.TOPICS) == get_args(Topic)
