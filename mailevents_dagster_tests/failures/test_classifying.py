"""Classes of bounces: each rule, what codes and texts may say against each other, and whatever a server may answer."""

from __future__ import annotations

import hashlib
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailevents_dagster.failures.classes import BounceClass, Reason
from mailevents_dagster.failures.classifying import (
    PASSING,
    PERMANENT,
    RULES,
    RULES_VERSION,
    UNKNOWN,
    classify,
    plain,
)
from mailevents_dagster_tests.failures.answers import ANSWERS, Answer


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: f"{one.rule}: {one.text[:40]}")
def test_an_answer_is_classified_by_its_rule(answer: Answer) -> None:
    verdict = classify(answer.code, answer.enhanced, answer.text)
    assert verdict.rule == answer.rule
    assert f"{verdict.bounce_class} {verdict.reason}".strip() == answer.verdict


def test_each_rule_has_an_answer_that_it_alone_decides() -> None:
    fallbacks = {PASSING.rule, PERMANENT.rule, UNKNOWN.rule}
    assert {answer.rule for answer in ANSWERS} == {rule.id for rule in RULES} | fallbacks
    assert len({rule.id for rule in RULES} | fallbacks) == len(RULES) + 3


def test_rules_that_change_have_another_version() -> None:
    digest = hashlib.sha256(repr(RULES).encode()).hexdigest()[:16]
    assert (RULES_VERSION, digest) == (3, "7b3e66634e195c43"), "the rules changed: RULES_VERSION goes up"


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda one: f"{one.rule}: {one.text[:40]}")
def test_addresses_hosts_and_ids_around_an_answer_change_nothing(answer: Answer) -> None:
    text = (
        f"host mx7.post.example[192.0.2.77] said: {answer.text} <ada7@post.example> d9443c01a7336-20d si1234567.12 - x"
    )
    assert classify(answer.code, answer.enhanced, text).rule == answer.rule or answer.rule == UNKNOWN.rule


def test_a_sender_who_is_refused_has_a_reason_and_an_address_that_is_gone_has_none() -> None:
    for rule in RULES:
        assert (rule.reason is not Reason.NONE) or rule.bounce_class is not BounceClass.POLICY, rule.id
        assert (rule.reason is Reason.NONE) or rule.bounce_class is not BounceClass.HARD, rule.id


def test_phrases_are_long_enough_to_be_found() -> None:
    assert not [phrase for rule in RULES for phrase in rule.texts if len(phrase) < 3]


@pytest.mark.parametrize("text", ["User unknown", "Account disabled", "Unrouteable address", "mailbox unavailable"])
def test_what_is_refused_for_now_is_never_hard(text: str) -> None:
    assert classify(450, None, text).bounce_class is BounceClass.SOFT
    assert classify(None, "4.1.1", text).bounce_class is BounceClass.SOFT
    assert classify(550, None, text).bounce_class is BounceClass.HARD


def test_words_in_an_address_say_nothing() -> None:
    for address in ("spam@b.example", "<user-unknown@over-quota.example>", "blacklist@spamhaus.example"):
        assert classify(550, None, f"{address}: Rejected") == PERMANENT
    assert plain("550-5.1.1 <a.b@c.example>: ÇOK\\n550 5.1.1 İyi  “x”") == "@: cok iyi “x”"


def test_an_answer_of_many_lines_is_read_as_one_sentence() -> None:
    lines = (
        "550-5.7.1 Our system has detected that this message is likely\\n550-5.7.1 unsolicited mail.\\n550 5.7.1 Bye"
    )
    assert classify(None, None, lines).rule == "content"
    assert classify(None, None, lines.replace("\\n", "\n")).rule == "content"


def test_numbers_that_are_no_codes_are_not_taken_for_codes() -> None:
    assert classify(None, None, "delivered 550 bytes, giving up") == UNKNOWN
    assert classify(None, None, "host 5.1.1.2 (version 5.1.1.4) went away") == UNKNOWN
    assert classify(None, None, "host mx.b.example said: 550 No") == PERMANENT


@given(
    st.none() | st.integers(-1, 1000),
    st.none() | st.from_regex(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}", fullmatch=True) | st.text(max_size=8),
    st.text(max_size=300),
)
def test_whatever_a_server_answers_has_a_class(code: int | None, enhanced: str | None, text: str) -> None:
    verdict = classify(code, enhanced, text)
    assert verdict.bounce_class in BounceClass
    assert verdict == classify(code, enhanced, text)


@given(st.sampled_from(ANSWERS), st.integers(1, 200))
def test_where_an_answer_is_folded_changes_nothing(answer: Answer, at: int) -> None:
    head, space, tail = answer.text[:at], "  \r\n", answer.text[at:]
    if head.endswith(" "):
        assert classify(answer.code, answer.enhanced, head[:-1] + space + tail).rule == answer.rule


@pytest.mark.parametrize(
    ("one", "other", "rule"),
    [
        (
            "host mx1.dest.example[192.0.2.1] said: host unreachable.",
            "host b[2001:db8::1] said: host unreachable.",
            "network",
        ),
        ("550 <a1@b.example>: host unknown.", "550 <c@d.example>: host unknown.", "unknown-domain"),
        (
            "421 Too many connections from your host 9f17",
            "421 Too many connections from your host spamhaus.example",
            "rate",
        ),
        ("452 x-host user42 mailbox full", "452 remote-host 550.1.1 mailbox full", "mailbox-full"),
    ],
)
def test_names_of_hosts_and_ids_say_nothing_and_what_is_said_of_them_does(one: str, other: str, rule: str) -> None:
    assert classify(None, None, one).rule == classify(None, None, other).rule == rule


@pytest.mark.parametrize("text", ["1" * 100_000, "a@" * 50_000, "host " * 20_000, "host a." * 20_000, "." * 100_000])
def test_a_hostile_text_takes_no_longer_than_its_length(text: str) -> None:
    began = time.process_time()
    classify(None, None, text)
    assert time.process_time() - began < 5
