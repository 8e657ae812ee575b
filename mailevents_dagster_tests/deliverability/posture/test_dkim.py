"""DKIM keys: what can be used, what is revoked or broken, and what is only not known."""

from __future__ import annotations

import base64
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from mailevents_dagster.deliverability.answers import State
from mailevents_dagster.deliverability.posture.dkim import REPORTS, SIGNATURES, dkim, guessed
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict
from mailevents_dagster_tests.deliverability.posture.facts import LOST, Facts, the, verdicts, world_of

NAME = "s1._domainkey.example.com"
OTHER = "s2._domainkey.example.com"


@cache
def rsa_key(bits: int, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    key = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(key.public_bytes(Encoding.DER, form)).decode()


def ed25519_key() -> str:
    key = ed25519.Ed25519PrivateKey.generate().public_key()
    return base64.b64encode(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).decode()


def found(record: str, *others: str) -> list[Finding]:
    return [*dkim("example.com", {NAME: "the settings"}, world_of({f"{NAME} TXT": (record, *others)}))]


@pytest.mark.parametrize(("bits", "verdict"), [(1024, "weak"), (2048, "good")])
def test_the_length_of_an_rsa_key_is_judged(bits: int, verdict: str) -> None:
    findings = found(f"v=DKIM1; k=rsa; p={rsa_key(bits)}")
    assert verdicts(findings) == {"dkim.key": verdict, "dkim.usable": "good"}
    assert f"{bits:,} bits" in the("dkim.key", findings).text


def test_a_key_in_the_older_form_with_spaces_and_few_tags_is_read() -> None:
    key = rsa_key(2048, PublicFormat.PKCS1)
    assert the("dkim.key", found(f"p={key[:100]} {key[100:]}")).verdict is Verdict.GOOD


def test_a_revoked_key_is_bad_and_says_so() -> None:
    findings = found("v=DKIM1; k=rsa; p=")
    assert "revoked" in the("dkim.key", findings).text
    assert verdicts(findings)["dkim.usable"] == "bad"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("v=DKIM1; p=!!!", "cannot be read"),
        ("v=DKIM1; p=QUJD", "cannot be read"),
        ("v=DKIM2; p=QUJD", "broken"),
        ("k=rsa; v=DKIM1; p=QUJD", "broken"),
        ("v=DKIM1; p=QUJD; p=QUJD", "stands twice"),
        ("v=DKIM1; rubbish; p=QUJD", "no tag"),
        ("v=DKIM1; h=sha1; p=QUJD", "SHA-256"),
        ("v=DKIM1; s=other; p=QUJD", "not for mail"),
        ("v=DKIM1; k=ed25519; p=QUJD", "cannot be read"),
        ("v=DKIM1; k=unheard; p=QUJD", "cannot be read"),
    ],
)
def test_a_broken_key_is_bad(record: str, said: str) -> None:
    one = the("dkim.key", found(record))
    assert one.verdict is Verdict.BAD
    assert said in one.text


def test_half_a_key_and_a_key_of_another_kind_are_broken() -> None:
    assert the("dkim.key", found(f"v=DKIM1; p={rsa_key(2048)[:200]}")).verdict is Verdict.BAD
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    other = base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    assert the("dkim.key", found(f"v=DKIM1; p={other}")).verdict is Verdict.BAD


def test_two_keys_at_one_selector_a_test_key_and_ed25519_are_told() -> None:
    key = rsa_key(2048)
    assert "2 keys" in the("dkim.key", found(f"v=DKIM1; p={key}", "v=DKIM1; p=")).text
    assert verdicts(found(f"v=DKIM1; t=y:s; p={key}"))["dkim.test"] == "weak"
    assert "Ed25519" in the("dkim.key", found(f"v=DKIM1; k=ed25519; p={ed25519_key()}")).text


def test_a_selector_that_is_known_and_not_there_is_bad_a_guess_is_not() -> None:
    assert the("dkim.key", [*dkim("example.com", {NAME: "the settings"}, world_of({}))]).state is State.ABSENT
    assert verdicts(dkim("example.com", guessed("example.com"), world_of({}))) == {"dkim.usable": "unknown"}
    facts: Facts = {"google._domainkey.example.com TXT": f"v=DKIM1; p={rsa_key(2048)}"}
    assert verdicts(dkim("example.com", guessed("example.com"), world_of(facts))) == {
        "dkim.key": "good",
        "dkim.usable": "good",
    }


def test_a_selector_that_only_reports_tell_of_may_be_gone() -> None:
    findings = verdicts(dkim("example.com", {NAME: REPORTS}, world_of({})))
    assert findings == {"dkim.key": "note", "dkim.usable": "unknown"}


def test_a_selector_that_only_signatures_name_may_be_somebody_elses() -> None:
    name = "s1._domainkey.news.example.com"
    findings = [*dkim("example.com", {name: SIGNATURES}, world_of({}))]
    assert verdicts(findings) == {"dkim.key": "weak", "dkim.usable": "unknown"}
    assert the("dkim.key", findings).text.startswith("The selector `s1` of news.example.com, which signatures of mails")


def test_a_key_that_could_not_be_asked_may_be_there() -> None:
    lost: Facts = {f"{NAME} TXT": LOST}
    findings = [*dkim("example.com", {NAME: "the settings", OTHER: "the settings"}, world_of(lost))]
    assert the("dkim.usable", findings).state is State.UNASKED
    facts: Facts = {**lost, f"{OTHER} TXT": f"v=DKIM1; p={rsa_key(2048)}"}
    findings = [*dkim("example.com", {NAME: "the settings", OTHER: "the settings"}, world_of(facts))]
    assert the("dkim.usable", findings).verdict is Verdict.GOOD
    assert verdicts(dkim("example.com", guessed("example.com"), world_of({"k1._domainkey.example.com TXT": LOST}))) == {
        "dkim.usable": "unknown"
    }


def test_texts_at_a_selector_that_are_no_keys_are_passed_over() -> None:
    facts: Facts = {f"{NAME} TXT": ("v=spf1 -all", f"v=DKIM1; p={rsa_key(2048)}")}
    assert the("dkim.key", [*dkim("example.com", {NAME: ""}, world_of(facts))]).verdict is Verdict.GOOD
