"""What is said against addresses, and what leaves them out."""

from __future__ import annotations

import pytest

from mailevents_dagster.deliverability.hygiene.domains import State, Takes
from mailevents_dagster.deliverability.hygiene.syntax import fault_of
from mailevents_dagster.deliverability.hygiene.verdicts import Facts, Reason, is_left_out, objections


@pytest.mark.parametrize(
    "address",
    [
        "jo@example.com",
        "jo.o'neil+news@example.co.uk",
        "ümit@bücher.example.com",
        "用户@例子.广告",
        '"j o"@example.com',
        "x@xn--bcher-kva.de",
        f"{'a' * 64}@example.com",
    ],
)
def test_addresses_as_they_are_used_are_right(address: str) -> None:
    assert fault_of(address) is None


@pytest.mark.parametrize(
    "address",
    [
        *("", "jo", "@example.com", "jo@", "jo@example", "a..b@example.com", ".a@example.com", "a.@example.com"),
        *("jo@-example.com", "jo@example..com", "jo@exa mple.com", "j o@example.com", "Jo <jo@example.com>"),
        *(
            "jo@localhost",
            "jo@printer.local",
            "jo@[192.0.2.1]",
            "jo@192.0.2.1",
            "jo@example.com\n",
            "jo@ex\u202eample.com",
        ),
        *(f"{'a' * 65}@example.com", f"a@{'b' * 64}.com", f"a@{'b.' * 130}com", "jo@example.com,anna@example.com"),
        *("jo\x00@example.com", "mailto:jo@example.com@", "jo@exam_ple.com"),
    ],
    ids=ascii,
)
def test_what_no_mailbox_can_be_is_said(address: str) -> None:
    assert fault_of(address)


def reasons(address: str, facts: Facts) -> list[str]:
    domain = address.rpartition("@")[2]
    return [one.reason.value for one in objections(address, domain, fault_of(address) if address else None, facts)]


def test_nothing_speaks_against_an_ordinary_address() -> None:
    assert reasons("jo@example.com", Facts(state=State(Takes.MAIL))) == []


@pytest.mark.parametrize(
    ("address", "facts", "reason"),
    [
        ("", Facts(), Reason.EMPTY),
        ("jo@", Facts(), Reason.SYNTAX),
        ("jo@example.com", Facts(first_row=3), Reason.DUPLICATE),
        ("jo@example.com", Facts(suppressed="hard"), Reason.SUPPRESSED),
        ("jo@example.com", Facts(state=State(Takes.NULL_MX)), Reason.NULL_MX),
        ("jo@example.com", Facts(state=State(Takes.NO_MX)), Reason.NO_MX),
        ("jo@example.com", Facts(state=State(Takes.NO_DOMAIN)), Reason.NO_DOMAIN),
        ("jo@mailinator.com", Facts(), Reason.DISPOSABLE),
        ("jo@eu.mailinator.com", Facts(), Reason.DISPOSABLE),
    ],
)
def test_these_are_left_out(address: str, facts: Facts, reason: Reason) -> None:
    found = objections(address, address.rpartition("@")[2], fault_of(address) if address else None, facts)
    assert [one.reason for one in found] == [reason]
    assert is_left_out(found)


@pytest.mark.parametrize(
    ("address", "facts", "reason"),
    [
        ("info@example.com", Facts(), Reason.ROLE),
        ("jo@yaho.com", Facts(), Reason.TYPO),
        ("jo@example.com", Facts(is_inactive=True), Reason.INACTIVE),
        ("jo@example.com", Facts(state=State(Takes.UNKNOWN, "no answer")), Reason.DNS_UNKNOWN),
    ],
)
def test_these_stay_and_are_looked_at(address: str, facts: Facts, reason: Reason) -> None:
    found = objections(address, address.rpartition("@")[2], fault_of(address), facts)
    assert [one.reason for one in found] == [reason]
    assert not is_left_out(found)


def test_what_leaves_an_address_out_is_said_first() -> None:
    facts = Facts(first_row=1, state=State(Takes.NO_MX), is_inactive=True)
    assert reasons("info@yaho.com", facts) == ["duplicate", "no_mx", "role", "typo", "inactive"]
