"""What a list says, over a real name server: listed, not listed, and no answer that counts."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest
from dnslib import RCODE

from mailevents_dagster.deliverability.blocklists.lists import Listing, Standing, asked_name, shown_zone
from mailevents_dagster.deliverability.blocklists.part import listed_since, look_up, made_of
from mailevents_dagster_tests.deliverability.name_server import Says, Zone, lame, nothing, rcode, resolving

SOUND = """
2.0.0.127.bl.example. 60 IN A 127.0.0.2
test.dbl.example. 60 IN A 127.0.1.2
"""
IP = "192.0.2.25"


def asked(zone: Zone, *questions: tuple[str, str], seconds: float = 5.0) -> list[Listing]:
    with resolving(zone, seconds=seconds) as resolver:
        return look_up(questions, resolver.ask)


def of(zone: Zone, subject: str = IP, name: str = "bl.example", seconds: float = 5.0) -> Listing:
    [listing] = asked(zone, (subject, name), seconds=seconds)
    return listing


def test_names_are_asked_for_backwards() -> None:
    assert asked_name(IP, "bl.example") == "25.2.0.192.bl.example"
    assert asked_name("2001:db8::25", "bl.example") == f"5.2{'.0' * 22}.8.b.d.0.1.0.0.2.bl.example"
    assert asked_name("news.example.com", "dbl.example") == "news.example.com.dbl.example"


def test_what_a_list_has_is_listed_with_its_codes_and_words() -> None:
    entry = """
    25.2.0.192.bl.example. 60 IN A 127.0.0.4
    25.2.0.192.bl.example. 60 IN A 127.0.0.10
    25.2.0.192.bl.example. 60 IN TXT "see https://bl.example/?" "ip=192.0.2.25"
    """
    one = of(Zone(SOUND + entry))
    assert (one.standing, one.codes) == (Standing.LISTED, ("127.0.0.10", "127.0.0.4"))
    assert one.text == "see https://bl.example/?ip=192.0.2.25"
    assert of(Zone(SOUND)).standing is Standing.CLEAR
    assert not of(Zone(SOUND)).reason


def test_ipv6_addresses_and_domains_are_looked_up() -> None:
    entries = (
        f"{asked_name('2001:db8::25', 'bl.example')}. 60 IN A 127.0.0.2\nexample.com.dbl.example. 60 IN A 127.0.1.2"
    )
    found = asked(Zone(f"{SOUND}{entries}"), ("2001:db8::25", "bl.example"), ("example.com", "dbl.example"))
    assert [one.standing for one in found] == [Standing.LISTED, Standing.LISTED]


@pytest.mark.parametrize(
    "code",
    [
        "127.255.255.252",
        "127.255.255.254",
        "127.255.255.255",
        "127.255.255.1",
        "127.0.0.1",
        "127.0.1.255",
        "192.0.2.80",
    ],
)
def test_an_error_of_the_list_is_no_listing(code: str) -> None:
    one = of(Zone(f"{SOUND}25.2.0.192.bl.example. 60 IN A {code}\n25.2.0.192.bl.example. 60 IN A 127.0.0.2"))
    assert one.standing is Standing.UNASKED
    assert code in one.reason


@pytest.mark.parametrize("says", [rcode(RCODE.REFUSED), rcode(RCODE.SERVFAIL), nothing, lame])
def test_a_list_that_refuses_or_fails_says_neither_yes_nor_no(says: Says) -> None:
    zone = Zone(SOUND)
    zone.says["25.2.0.192.bl.example"] = says
    one = of(zone, seconds=0.15)
    assert one.standing is Standing.UNASKED
    assert one.reason


def test_a_list_that_says_yes_to_everything_lists_nothing() -> None:
    entries = "1.0.0.127.bl.example. 60 IN A 127.0.0.2"
    zone = Zone(f"{SOUND}{entries}\n25.2.0.192.bl.example. 60 IN A 127.0.0.2")
    one = of(zone)
    assert (one.standing, "lists everything" in one.reason) == (Standing.UNASKED, True)


def test_a_list_without_its_test_entry_is_doubted() -> None:
    one = of(Zone(""))
    assert (one.standing, "test entry" in one.reason) == (Standing.CLEAR, True)
    [_, asked_check] = made_of([one], [""]).verdicts.values()
    assert not asked_check.passed


def test_words_of_a_list_that_cannot_be_asked_leave_it_listed() -> None:
    zone = Zone(f"{SOUND}25.2.0.192.bl.example. 60 IN A 127.0.0.2")
    zone.says["25.2.0.192.bl.example TXT"] = rcode(RCODE.SERVFAIL)
    assert of(zone).standing is Standing.LISTED


def test_the_key_of_a_subscriber_is_shown_nowhere() -> None:
    zone = "abcdefghij0123456789abcdef.zen.dq.spamhaus.net"
    assert shown_zone(zone) == "….zen.dq.spamhaus.net"
    made = made_of([Listing(IP, zone, Standing.LISTED, ("127.0.0.2",)), Listing(IP, zone, Standing.UNASKED)], ["", ""])
    assert "abcdefghij" not in f"{made}{made.rows.to_pylist()}"


def since(standings: Sequence[tuple[str, Standing]]) -> list[str]:
    """Since when an address is listed, after days that are made one after the other."""
    before: pa.Table | None = None
    found = []
    for day, standing in standings:
        listing = Listing(IP, "bl.example", standing)
        [first] = listed_since([listing], before, day)
        before = made_of([listing], [first]).rows
        found.append(first)
    return found


def test_a_listing_counts_from_its_first_day_and_a_list_without_answer_ends_none() -> None:
    listed, clear, lost = Standing.LISTED, Standing.CLEAR, Standing.UNASKED
    days = [*enumerate([clear, listed, lost, listed, clear, lost, listed], 1)]
    assert since([(f"d{n}", standing) for n, standing in days]) == ["", "d2", "d2", "d2", "", "", "d7"]


def test_a_day_says_what_is_listed_and_fails_its_check() -> None:
    made = made_of(
        [
            Listing(IP, "bl.example", Standing.LISTED, ("127.0.0.2",), "spam seen"),
            Listing("example.com", "dbl.example", Standing.CLEAR),
            Listing("example.com", "x.example", Standing.UNASKED, reason="it answers with 127.255.255.254: no"),
        ],
        ["2026-11-20", "", ""],
    )
    assert made.numbers == {"listed": 1, "not_listed": 1, "not_asked": 1}
    assert [one.passed for one in made.verdicts.values()] == [False, False]
    assert "192.0.2.25 is listed by bl.example (127.0.0.2) since 2026-11-20: `spam seen`." in made.said
    assert made_of([], []).verdicts["not_listed"].passed
