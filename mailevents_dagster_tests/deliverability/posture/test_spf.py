"""SPF as receivers read it: counted, flattened, with what cannot be asked told apart."""

from __future__ import annotations

import pytest

from mailevents_dagster.deliverability.answers import Answer, State, there
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict
from mailevents_dagster.deliverability.posture.spf import spf
from mailevents_dagster.deliverability.posture.spf_record import record_of
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster_tests.deliverability.posture.facts import LOST, Facts, the, verdicts, world_of

DOMAIN = "example.com"


def found(record: str | None, facts: Facts | None = None, *ips: str) -> list[Finding]:
    own: Facts = {f"{DOMAIN} TXT": record} if record else {}
    return [*spf(DOMAIN, ips, world_of({**own, **(facts or {})}))]


def test_no_record_is_bad_and_the_mend_says_where_to_publish_one() -> None:
    [one] = found(None)
    assert (one.verdict, one.state) == (Verdict.BAD, State.ABSENT)
    assert DOMAIN in one.mend


def test_a_name_server_that_fails_is_not_a_missing_record() -> None:
    [one] = found(None, {f"{DOMAIN} TXT": LOST})
    assert (one.verdict, one.state) == (Verdict.UNKNOWN, State.UNASKED)
    assert "SERVFAIL" in one.text


def test_other_texts_are_no_spf_and_two_records_are_one_too_many() -> None:
    assert verdicts(found(None, {f"{DOMAIN} TXT": ("v=spf10 -all", "spf1", "v=spf1-all")})) == {"spf.record": "bad"}
    assert "2 SPF records" in the("spf.record", found(None, {f"{DOMAIN} TXT": ("v=spf1 -all", "V=SPF1 ~all")})).text


@pytest.mark.parametrize(
    ("end", "verdict"),
    [("-all", "good"), ("~all", "good"), ("?all", "weak"), ("+all", "bad"), ("all", "bad"), ("", "weak")],
)
def test_what_the_end_of_a_record_is_worth(end: str, verdict: str) -> None:
    assert the("spf.all", found(f"v=spf1 ip4:192.0.2.1 {end}")).verdict == verdict


def test_what_follows_all_counts_for_nothing() -> None:
    findings = found("v=spf1 -all include:a.example include:b.example redirect=c.example")
    assert "takes 0 of the 10" in the("spf.lookups", findings).text


def test_look_ups_are_counted_through_includes_and_redirects() -> None:
    facts: Facts = {
        "a.example TXT": "v=spf1 include:b.example a:host.example -all",
        "b.example TXT": "v=spf1 mx:example.net exists:%{i}.c.example ~all",
        "example.net MX": ("10 mx.example.net",),
        "mx.example.net A": "198.51.100.1",
        "host.example A": "198.51.100.2",
        "z.example TXT": "v=spf1 ip4:203.0.113.0/24 ?all",
    }
    findings = found("v=spf1 include:a.example redirect=z.example", facts)
    assert "takes 6 of the 10" in the("spf.lookups", findings).text
    networks = the("spf.networks", findings)
    assert networks.details == ("198.51.100.1/32", "198.51.100.2/32", "203.0.113.0/24")
    assert "exists:%{i}.c.example" in networks.text
    assert "`?all`" in the("spf.all", findings).text, "that of the record that it leads to"


def test_more_look_ups_than_receivers_do_break_the_record() -> None:
    facts: Facts = {f"n{n}.example TXT": "v=spf1 ip4:192.0.2.1 -all" for n in range(11)}
    ten = " ".join(f"include:n{n}.example" for n in range(10))
    assert the("spf.lookups", found(f"v=spf1 {ten} -all", facts)).verdict is Verdict.WEAK
    assert the("spf.lookups", found(f"v=spf1 {ten} include:n10.example -all", facts)).verdict is Verdict.BAD


def test_an_include_that_cannot_be_asked_leaves_the_count_open() -> None:
    facts: Facts = {"a.example TXT": LOST}
    findings = found("v=spf1 include:a.example -all", facts, "192.0.2.9")
    assert the("spf.lookups", findings).verdict is Verdict.UNKNOWN
    assert "at least 1" in the("spf.lookups", findings).text
    assert the("spf.covers", findings).verdict is Verdict.UNKNOWN
    assert "spf.syntax" not in verdicts(findings)


def test_an_include_without_a_record_breaks_the_record() -> None:
    facts: Facts = {"two.example TXT": ("v=spf1 -all", "v=spf1 ~all"), "none.example TXT": "other"}
    text = the(
        "spf.syntax", found("v=spf1 include:gone.example include:two.example include:none.example -all", facts)
    ).text
    assert "include:gone.example` has no SPF record" in text
    assert "include:two.example` has 2 SPF records" in text
    assert "include:none.example` has no SPF record" in text


def test_records_that_include_each_other_are_told_and_not_followed() -> None:
    facts: Facts = {"a.example TXT": "v=spf1 include:B.example -all", "b.example TXT": "v=spf1 include:a.example -all"}
    assert "a.example → b.example → a.example" in the("spf.syntax", found("v=spf1 include:a.example -all", facts)).text
    assert "back to itself" in the("spf.syntax", found("v=spf1 redirect=example.com")).text


def test_a_tree_of_includes_without_end_is_followed_for_a_while_alone() -> None:
    asked = []

    def ask(name: str, kind: str) -> Answer:
        asked.append(name)
        return there(f"v=spf1 include:l.{name} include:r.{name} -all")

    findings = [*spf(DOMAIN, (), World(ask))]
    assert the("spf.lookups", findings).verdict is Verdict.BAD
    assert len(asked) < 60


def test_look_ups_that_find_nothing_are_counted() -> None:
    findings = found("v=spf1 a:one.example mx:two.example -all")
    assert the("spf.voids", findings).verdict is Verdict.WEAK
    findings = found("v=spf1 a:one.example mx:two.example a:three.example -all")
    assert the("spf.voids", findings).verdict is Verdict.BAD


def test_an_mx_of_more_hosts_than_receivers_look_up_is_told() -> None:
    facts: Facts = {f"{DOMAIN} MX": tuple(f"10 mx{n}.example" for n in range(11))}
    assert "has 11 hosts" in the("spf.syntax", found("v=spf1 mx -all", facts)).text


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("ipv4:192.0.2.1", "is not a mechanism"),
        ("ip4:192.0.2.300", "is not an IPv4 address"),
        ("ip4:192.0.2.0/33", "is not an IPv4 address"),
        ("ip4:192.0.2.0/255.255.255.0", "is not an IPv4 address"),
        ("ip4", "is not an IPv4 address"),
        ("ip6:192.0.2.1", "is not an IPv6 address"),
        ("ip6:fe80::1%eth0", "is not an IPv6 address"),
        ("ip4=192.0.2.1", "passed over by receivers; write `ip4:`"),
        ("include=a.example", "passed over"),
        ("include", "names no domain"),
        ("include:", "names no domain"),
        ("include:192.0.2.1", "names no domain"),
        ("include:a..example", "names no domain"),
        ("include:%{x}.example", "begins no macro"),
        ("a:mx.example/33", "longer than an address"),
        ("a/24/64", "is not written like"),
        ("-all:x", "stands alone"),
        ("mxa", "is not a mechanism"),
        ("“~all”", "is no term"),
        ("redirect=a.example redirect=b.example", "stands twice"),
    ],
)
def test_each_fault_of_a_record_is_named_with_its_term(term: str, said: str) -> None:
    faults = record_of(f"v=spf1 {term} -all").faults
    assert any(said in fault for fault in faults), faults


@pytest.mark.parametrize(
    "record",
    [
        "v=spf1",
        "v=spf1   ip4:192.0.2.1   -all ",
        "V=SPF1 A MX:example.com/24//64 PTR IP6:2001:DB8::/32 -ALL",
        "v=spf1 exists:%{ir}.%{v}._spf.%{d2} include:%{l1r+-}.example.com -all exp=explain._spf.%{d}",
        "v=spf1 unknown=anything.goes redirect=_spf.example.com",
        "v=spf1 a:host_with.example-1.com -all",
    ],
)
def test_what_the_standard_allows_is_no_fault(record: str) -> None:
    assert not record_of(record).faults


def test_a_record_that_lets_half_of_the_internet_send_is_bad_without_saying_so() -> None:
    assert the("spf.networks", found("v=spf1 ip4:0.0.0.0/1 ip4:128.0.0.0/1 -all")).verdict is Verdict.BAD
    facts: Facts = {"a.example TXT": "v=spf1 +all"}
    assert the("spf.networks", found("v=spf1 include:a.example -all", facts)).verdict is Verdict.BAD


def test_sending_addresses_are_looked_for_in_the_record() -> None:
    facts: Facts = {"a.example TXT": "v=spf1 -ip4:192.0.2.7 ip6:2001:db8::/32 -all"}
    record = "v=spf1 -ip4:192.0.2.1 ip4:192.0.2.0/30 include:a.example ~all"
    by_name = {
        one.name: one.verdict
        for one in found(record, facts, "192.0.2.1", "192.0.2.2", "192.0.2.7", "2001:db8::1")
        if one.code == "spf.covers"
    }
    assert by_name == {"192.0.2.1": "bad", "192.0.2.2": "good", "192.0.2.7": "bad", "2001:db8::1": "good"}


def test_ptr_is_weak_and_hides_what_is_permitted() -> None:
    findings = found("v=spf1 ptr -all", None, "192.0.2.1")
    assert verdicts(findings)["spf.ptr"] == "weak"
    assert verdicts(findings)["spf.covers"] == "unknown"


@pytest.mark.slow
def test_a_tree_of_records_with_very_many_ranges_is_kept_in_part() -> None:
    many = " ".join(f"ip4:{n >> 8 & 255}.{n & 255}.0.1" for n in range(4000))
    facts: Facts = {f"n{n}.example TXT": f"v=spf1 {many} -all" for n in range(4)}
    findings = found("v=spf1 include:n0.example include:n1.example include:n2.example include:n3.example -all", facts)
    assert "6,000 ranges behind the first 10,000" in the("spf.networks", findings).text


def test_many_faults_are_counted_and_hold_nothing_that_markdown_obeys() -> None:
    faults = "`<img> ![x](http://evil.example) " + " ".join(f"bad{n}" for n in range(1000))
    text = the("spf.syntax", found(f"v=spf1 {faults} include:<b>`.example -all")).text
    assert len(text) < 1000
    assert "more" in text
    assert "``" not in text


def test_a_record_of_a_thousand_terms_is_read() -> None:
    record = "v=spf1 " + " ".join(f"ip4:10.{n >> 8}.{n & 255}.1" for n in range(1000)) + " -all"
    assert "1,000 ranges" in the("spf.networks", found(record)).text
