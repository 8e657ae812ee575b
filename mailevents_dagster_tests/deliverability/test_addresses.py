"""Addresses: by what they are compared, roles, typos, and cells that no spreadsheet runs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.deliverability.address_lists import KNOWN_DOMAINS, LARGE_DOMAINS
from mailevents_dagster.deliverability.addresses import (
    comparable,
    flags_of,
    meant_domain,
    role_of,
    safe_address,
    safe_cell,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Jo@Example.COM", "jo@example.com"),
        ("jo@bücher.example", "jo@xn--bcher-kva.example"),
        ("jo@BÜCHER.example.", "JO@bücher.example"),
        ("ÜMIT@example.com", "ümit@example.com"),
        ("u\u0308mit@example.com", "ümit@example.com"),
        ('"jo"@example.com', "jo@example.com"),
        ("<jo@example.com>", " jo@example.com "),
        ("jo@[192.0.2.1]", "JO@[192.0.2.1]"),
    ],
)
def test_two_ways_to_write_one_address_are_the_same(one: str, other: str) -> None:
    assert comparable(one) == comparable(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("j.o@gmail.com", "jo@gmail.com"),
        ("jo+news@gmail.com", "jo@gmail.com"),
        ("jo@googlemail.com", "jo@gmail.com"),
        ('"j o"@example.com', "jo@example.com"),
        ("straße@example.com", "strasse@example.com"),
    ],
)
def test_what_only_a_server_may_take_for_the_same_is_not(one: str, other: str) -> None:
    assert comparable(one) != comparable(other)


@given(st.text(max_size=40))
def test_any_text_can_be_compared_and_stays_the_same_when_it_is_compared_again(text: str) -> None:
    assert comparable(comparable(text)) == comparable(text)


@pytest.mark.parametrize(
    ("domain", "meant"),
    [
        ("gmial.com", "gmail.com"),
        ("gmail.con", "gmail.com"),
        ("gmail.co", "gmail.com"),
        ("hotmial.com", "hotmail.com"),
        ("yaho.com", "yahoo.com"),
        ("outlok.com", "outlook.com"),
        ("gmx.con", "gmx.com"),
    ],
)
def test_slips_of_large_domains_are_seen(domain: str, meant: str) -> None:
    assert meant_domain(domain) == meant


@pytest.mark.parametrize(
    "domain", ["mail.com", "email.com", "gmx.net", "live.de", "example.com", "aon.com", "gmail.dev"]
)
def test_domains_of_their_own_are_no_slips(domain: str) -> None:
    assert meant_domain(domain) is None


def test_no_known_domain_is_taken_for_a_slip() -> None:
    assert not [one for one in KNOWN_DOMAINS | LARGE_DOMAINS if meant_domain(one)]


def test_roles_are_known_also_with_tags() -> None:
    assert [role_of(one) for one in ("info@example.com", "sales+eu@example.com", "informal@example.com")] == [
        "info",
        "sales",
        None,
    ]
    assert flags_of("info@gmial.com") == ("role", "typo of gmail.com")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")


@given(st.from_regex(r"[=+-][a-z|!'+/-]{0,20}", fullmatch=True))
def test_an_address_that_looks_like_a_formula_is_written_so_that_it_is_still_the_same(local: str) -> None:
    address = f"{local}@example.com"
    assert safe_address(address)[0] == '"'
    assert comparable(safe_address(address)) == comparable(address)
