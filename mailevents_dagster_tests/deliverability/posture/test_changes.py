"""What is other than the day before, in words; and what could not be asked keeps what was heard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mailevents_dagster.deliverability.answers import Answer, Question, absent, there, unasked
from mailevents_dagster.deliverability.posture.changes import changes
from mailevents_dagster.deliverability.posture.rows import heard_in, table_of
from mailevents_dagster.deliverability.posture.world import World

LOST = unasked("192.0.2.53:53 gave no answer within 5 s")


def said(name: str, kind: str, old: Answer, new: Answer) -> list[str]:
    question = Question(name, kind)
    return [text for _, text in changes("example.com", {question: old}, {question: new})]


def test_terms_of_spf_that_go_and_come_are_named() -> None:
    old, new = there("v=spf1 include:old.example mx ~all", "other"), there("v=spf1 mx ip4:192.0.2.1 -all", "other")
    assert said("example.com", "TXT", old, new) == [
        "SPF of example.com: `include:old.example` is gone",
        "SPF of example.com: `~all` is gone",
        "SPF of example.com: `ip4:192.0.2.1` is new",
        "SPF of example.com: `-all` is new",
    ]
    old, new = there("v=spf1 -ip4:192.0.2.1 mx -all"), there("v=spf1 mx -ip4:192.0.2.1 -all")
    assert said("example.com", "TXT", old, new) == ["SPF of example.com: its terms stand in another order"]


@pytest.mark.parametrize(
    ("new", "text"),
    [
        (there("other"), "SPF of example.com: 1 record before, 0 records now"),
        (there("v=spf1 -all", "v=spf1 mx -all"), "SPF of example.com: 1 record before, 2 records now"),
    ],
)
def test_an_spf_record_that_is_gone_or_doubled_is_told(new: Answer, text: str) -> None:
    assert text in said("example.com", "TXT", there("v=spf1 -all"), new)


def test_tags_are_compared_one_by_one_and_addresses_are_not_shown() -> None:
    old = there("v=DMARC1; p=none; rua=mailto:a@example.com; sp=none")
    new = there("v=DMARC1; p=reject; rua=mailto:b@example.com; t=y")
    assert said("_dmarc.example.com", "TXT", old, new) == [
        "DMARC of _dmarc.example.com: `p=reject`, and was `none`",
        "DMARC of _dmarc.example.com: `rua` is another",
        "DMARC of _dmarc.example.com: `sp` is gone",
        "DMARC of _dmarc.example.com: `t=y` is new",
    ]
    old, new = there("v=DKIM1; p=" + "A" * 300), there("v=DKIM1; p=" + "B" * 300)
    [text] = said("s1._domainkey.example.com", "TXT", old, new)
    assert text == "DKIM of s1._domainkey.example.com: `p` is another"


def test_records_that_come_and_go_are_told_by_their_kind() -> None:
    assert said("example.com", "MX", there("10 a.example"), there("10 b.example")) == [
        "MX of example.com: `10 a.example` is gone",
        "MX of example.com: `10 b.example` is new",
    ]
    assert said("_dmarc.example.com", "TXT", there("v=DMARC1; p=none"), absent()) == [
        "DMARC of _dmarc.example.com: 1 record before, 0 records now"
    ]
    assert said("mta-sts.example.com", "POLICY", there("mode: enforce\nmx: a"), there("mode: testing\nmx: a")) == [
        "MTA-STS policy of mta-sts.example.com: `mode: enforce` is gone",
        "MTA-STS policy of mta-sts.example.com: `mode: testing` is new",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (there("v=spf1 -all"), LOST),
        (LOST, there("v=spf1 -all")),
        (there("v=spf1 -all"), replace(there("v=spf1 -all"), kept_from="2026-11-20")),
        (absent("there is no such name"), absent("the name has no such record")),
    ],
)
def test_what_could_not_be_asked_has_not_changed(old: Answer, new: Answer) -> None:
    assert not said("example.com", "TXT", old, new)


@pytest.mark.parametrize(
    ("name", "kind", "is_told"),
    [
        ("mx.example.com", "A", True),
        ("mx.provider.example", "A", False),
        ("notexample.com", "TXT", False),
        ("25.2.0.192.in-addr.arpa", "PTR", True),
        ("example.com._report._dmarc.reports.example", "TXT", True),
    ],
)
def test_what_providers_change_of_their_own_is_not_told(name: str, kind: str, is_told: bool) -> None:
    assert bool(said(name, kind, there("192.0.2.1"), there("192.0.2.2"))) is is_told


def test_what_was_asked_on_one_day_alone_has_not_changed() -> None:
    question = Question("example.com", "TXT")
    assert not [*changes("example.com", {}, {question: there("v=spf1 -all")})]
    assert not [*changes("example.com", {question: there("v=spf1 -all")}, {})]


def test_what_cannot_be_asked_is_kept_with_its_day_for_as_long_as_it_takes() -> None:
    question = Question("example.com", "MX")
    before = {question: there("10 a.example"), Question("gone.example", "A"): absent("there is no such name")}
    for day in ("2026-11-20", "2026-11-21", "2026-11-22"):
        world = World(lambda *_: LOST, before, day)
        answer = world.ask("Example.com.", "MX")
        assert (answer.records, answer.kept_from, answer.reason) == (("10 a.example",), "2026-11-20", LOST.reason)
        assert world.ask("gone.example", "A").is_absent
        assert world.ask("new.example", "A").is_unasked
        rows = table_of([], world.heard, []).to_pylist()
        assert {(row["name"], row["state"], row["known_state"]) for row in rows} == {
            ("example.com", "could not be asked", "there"),
            ("gone.example", "could not be asked", "not there"),
            ("new.example", "could not be asked", "could not be asked"),
        }
        before = heard_in(table_of([], world.heard, []))


def test_each_question_is_asked_once() -> None:
    asked = []

    def ask(name: str, kind: str) -> Answer:
        asked.append(name)
        return absent()

    world = World(ask)
    world.ask("example.com", "A")
    world.ask_all([("example.com", "A"), ("EXAMPLE.com", "A"), ("other.example", "A")])
    assert asked == ["example.com", "other.example"]
