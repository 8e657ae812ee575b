"""Signatures are valid, invalid, or could not be checked; the last never counts as the second."""

from __future__ import annotations

import base64

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from mailevents_dagster.deliverability.lint.keys import UnaskedError, ask_nobody
from mailevents_dagster.deliverability.lint.signatures import State
from mailevents_dagster_tests.deliverability.lint.writing import (
    OF_LISTS,
    ask,
    failing,
    good,
    good_bulk,
    read,
    signed,
    written,
)

SHORT_KEY = b"""-----BEGIN RSA PRIVATE KEY-----
MIIBygIBAAJhAMzhoQQlGTFlwURDwYrNxJg6k8btzO66xGAndmuJB/JKIAmxOzo4
eZUi4GEBDoe3Zpfps5pH4ZyDTPtgk9m4RzJnd4uvQISZd8OccwI3p5ZrulaGdtz8
pFdjSygGypXRHwIDAQABAmAmk8VxtlqMBpDhfbCPpjcCQuVYa6ZOvTQEtumBTggF
AxgNOyXfzIp4Hl0JZt2JiGqeJwmGmfhTs1HF5TVrzVKDrEvlaE3dG2kydHIFdymp
txEdzHupjtNrgLVrc+r+MUECMQD/RlqkHEG7uxpsOiwzcXDApJVb30mby3d7UF8h
KJAhhprtRlGE6ketiapsYaJSzrcCMQDNdqB1Tz8A0gqz2WlfBWZQl9Mhs4RIH/CP
YPqyJkMBCWj/lMHjmJtZhUyAszaoKNkCMD8szyPMJmxqWpisMOIuUeQrFxecg9/9
k709370aB8l0QYU1INmPDVwiNL4Lz5tEswIxALdRNT8Vcogf346x11MBdVVI8Qar
rcXQQYkbpPHYM4Y0SCtpJUkU+t53kVdvDsAgmQIwGJaw5PACAdFqPrgb6vF9eHC1
wDMlNle0pt2caA9CJKBiZIm7ZL3HaICjRnqEpDnB
-----END RSA PRIVATE KEY-----
"""
"""Of 768 bits, made for these tests; nothing else is signed with it."""


def state(raw: bytes, record: bytes | None) -> tuple[State, str]:
    [one] = read(raw, lambda _: record).signatures
    return one.state, one.reason


def rsa_signed(key: rsa.RSAPrivateKey) -> tuple[bytes, bytes]:
    """Return a message signed by RSA and the record of its key."""
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    raw = written()
    signature: bytes = dkim.sign(raw, b"s1", b"example.com", pem, include_headers=[b"from", b"date"])
    return signature + raw, b"v=DKIM1; p=" + base64.b64encode(public)


def test_a_signature_of_rsa_is_checked() -> None:
    raw, record = rsa_signed(rsa.generate_private_key(65_537, 2048))
    assert state(raw, record) == (State.VALID, "")
    assert state(raw.replace(b"quinces", b"princes"), record)[0] is State.INVALID


def test_a_key_that_is_too_short_is_no_signature() -> None:
    key = serialization.load_pem_private_key(SHORT_KEY, None, unsafe_skip_rsa_key_validation=True)
    assert isinstance(key, rsa.RSAPrivateKey)
    raw, record = rsa_signed(key)
    found, reason = state(raw, record)
    assert found is State.INVALID
    assert "fewer than 1,024 bits" in reason


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (None, "no key at its selector"),
        (b"v=DKIM1; p=", "revoked"),
        (b"v=DKIM1; k=rsa; p=AAAA", "fit"),
        (b"v=DKIM2; p=AAAA", "fit"),
        (b"\xff\xff", "fit"),
        (b"k=unknown; p=AAAA", "fit"),
    ],
    ids=["none", "revoked", "other", "version", "garbage", "type"],
)
def test_a_key_that_is_certainly_not_there_makes_it_invalid(record: bytes | None, reason: str) -> None:
    found, said = state(good(), record)
    assert found is State.INVALID
    assert reason in said


def test_a_key_that_cannot_be_asked_for_is_a_notice_and_no_error() -> None:
    def lost(_: str) -> bytes | None:
        raise UnaskedError("no name server answered in time")

    assert [*failing(good(), lost)] == ["dkim-unchecked"]
    assert [*failing(good_bulk(), lost)] == ["dkim-unchecked"]
    assert [*failing(good(), ask_nobody)] == ["dkim-unchecked"]


def test_what_was_not_sent_yet_has_no_signature_and_that_is_a_notice() -> None:
    unsent = written({**OF_LISTS, "Received": None, "Return-Path": None})
    assert [*failing(unsent)] == ["not-sent-yet"]


def test_one_valid_signature_of_two_is_enough_to_be_aligned() -> None:
    broken = signed(written({"Subject": "x"}), domain="other.example").partition(b"\r\nReturn-Path")[0]
    raw = broken + b"\r\n" + good()
    assert [*failing(raw)] == ["dkim-invalid"]
    assert [one.state for one in read(raw).signatures] == [State.INVALID, State.VALID]


def test_the_envelope_alone_aligns_by_its_organizational_domain() -> None:
    other = signed(written({"Return-Path": "<b@bounces.example.co.uk>", "From": "n@news.example.co.uk"}), "example.com")
    assert failing(other) == {}
    alone = signed(written({"Return-Path": "<b@other.co.uk>", "From": "n@news.example.co.uk"}), "example.com")
    assert "from-unaligned" in failing(alone)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ";;;",
        "v=1",
        "v=1; a=rsa-sha256; d=; s=; h=; bh=; b=",
        "v=1; a=none; d=example.com; s=s1; h=from; bh=AAAA; b=AAAA",
        "v=1; a=rsa-sha256; d=example.com; s=s1; h=from; bh=*; b=AAAA; l=many",
        "v=1; a=rsa-sha256; d=exämple.com; s=s1; h=from; bh=AAAA; b=AAAA; i=@x",
        "v=1; a=ed25519-sha256; d=example.com; s=s1; h=from; bh=AAAA; b=A; t=9; x=99999999999999999",
    ],
    ids=range(8),
)
def test_a_signature_that_cannot_be_read_is_invalid_and_ends_nothing(value: str) -> None:
    assert "dkim-invalid" in failing(f"DKIM-Signature: {value}\r\n".encode() + written())


def test_a_header_that_begins_with_a_folded_line_ends_nothing() -> None:
    assert "dkim-invalid" in failing(b" folded\r\n" + good())


def test_a_signature_that_was_valid_for_some_time_is_not_held_against_an_old_mail() -> None:
    raw = b"DKIM-Signature: v=1; a=rsa-sha256; d=example.com; s=s1; h=from; x=1; bh=AAAA; b=AAAA\r\n" + written()
    assert [*failing(raw)] == ["dkim-unchecked"]


def test_what_would_keep_the_library_busy_is_not_checked() -> None:
    for raw in (
        signed(written(text="x" + " " * 100_000)),
        b"DKIM-Signature: v=1; b=" + b" " * 5_000 + b"!\r\n" + written(),
    ):
        assert "dkim-unchecked" in failing(raw)
    assert len(read(good().partition(b"Return-Path")[0] * 1_000 + written()).signatures) == 3


def test_each_name_is_asked_once_with_its_selector() -> None:
    asked: list[str] = []

    def noting(name: str) -> bytes | None:
        asked.append(name)
        return ask(name)

    read(good(), noting)
    assert asked == ["s1._domainkey.example.com"]
