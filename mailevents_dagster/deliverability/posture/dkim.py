"""DKIM: the public keys by which receivers check signatures."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from mailevents_dagster.deliverability.answers import State
from mailevents_dagster.deliverability.posture.findings import Finding, Verdict, bad, good, missing, unknown, weak
from mailevents_dagster.deliverability.posture.tags import tags_of
from mailevents_dagster.deliverability.posture.world import World
from mailevents_dagster.deliverability.quoting import few
from mailevents_dagster.files.printable import counted

LEAST_BITS: Final = 1024
GOOD_BITS: Final = 2048
MOST_BITS: Final = 4096
ED25519_BYTES: Final = 32
REPORTS: Final = "DMARC reports"
"""How a key is known that receivers have found; it may have been taken away since, when keys changed."""
SIGNATURES: Final = "signatures of mails"
"""How a key is known that mails in the name of the domain ask for; anybody can write such a mail."""
WELL_KNOWN: Final = (
    "default",
    "dkim",
    "google",
    "k1",
    "k2",
    "k3",
    "mail",
    "mxvault",
    "pm",
    "s1",
    "s2",
    "selector1",
    "selector2",
    "sig1",
    "zoho",
)
"""Selectors that large providers use. One of these that is not there says nothing."""

_NEW_KEY: Final = "Make a new key where the mails are signed, and publish what it shows."


@dataclass(frozen=True, slots=True)
class _Key:
    kind: str
    bits: int


def key_name(selector: str, domain: str) -> str:
    return f"{selector}._domainkey.{domain}"


def guessed(domain: str) -> dict[str, str]:
    """Return names of keys to look for where none is known."""
    return dict.fromkeys((key_name(selector, domain) for selector in WELL_KNOWN), "")


def dkim(domain: str, keys: Mapping[str, str], world: World) -> Iterator[Finding]:
    """Judge the keys of these names; each comes with how it is known, and empty where it is a guess."""
    answers = world.ask_all((name, "TXT") for name in keys)
    found: list[Finding] = []
    for (name, origin), answer in zip(keys.items(), answers, strict=True):
        records = [text for text in answer.records if "p" in tags_of(text).values]
        if records:
            found += _of_records(name, records)
        elif answer.is_unasked and origin:
            found.append(unknown("dkim.key", name, f"The key of {_selector(name)}", answer))
        elif origin:
            found.append(_missing(name, origin))
    yield from found
    yield _in_all(domain, found, is_all_asked=not any(answer.is_unasked for answer in answers))


def _missing(name: str, origin: str) -> Finding:
    if origin == REPORTS:
        text = f"{_selector(name).capitalize()}, of which {REPORTS} told, has no key any more."
        return missing("dkim.key", name, Verdict.NOTE, text, "Nothing, where the key was changed.")
    if origin == SIGNATURES:
        text = f"{_selector(name).capitalize()}, which {SIGNATURES} name, has no key: these mails count as unsigned."
        mend = f"Publish the key at {name}, where the mails are yours and the key was not changed since."
        return missing("dkim.key", name, Verdict.WEAK, text, mend)
    text = f"There is no key for {_selector(name)} ({origin}): what it signed counts as unsigned."
    mend = f"Publish the key at {name}, or take the selector away where it is named."
    return missing("dkim.key", name, Verdict.BAD, text, mend)


def _selector(name: str) -> str:
    selector, _, domain = name.partition("._domainkey.")
    return f"the selector `{selector}` of {domain}"


def _in_all(domain: str, found: list[Finding], *, is_all_asked: bool) -> Finding:
    """Judge whether any key is of use: what others demand is one that works."""
    code = "dkim.usable"
    there = [one for one in found if one.code == "dkim.key" and one.state is State.THERE]
    usable = sum(one.verdict in (Verdict.GOOD, Verdict.WEAK) for one in there)
    if usable:
        return good(code, domain, f"{counted(usable, 'DKIM key')} can be used.")
    if not is_all_asked:
        text = "Whether any DKIM key can be used is not known: not all could be asked."
        return Finding(code, domain, Verdict.UNKNOWN, text, "Look again later.", State.UNASKED)
    if any(one.verdict is Verdict.BAD for one in found):
        return bad(code, domain, "No DKIM key can be used: all mail counts as unsigned.", _NEW_KEY)
    text = "No DKIM key is known. DNS does not list selectors: their names must be known to look."
    mend = "Name the selectors; they stand as `s=` in the DKIM-Signature of mails that were sent."
    return Finding(code, domain, Verdict.UNKNOWN, text, mend)


def _of_records(name: str, records: list[str]) -> Iterator[Finding]:
    if len(records) > 1:
        text = f"There are {len(records)} keys at one selector; which one a receiver takes is chance."
        yield bad("dkim.key", name, text, "Leave one key, and give each other one a selector of its own.")
        return
    tags = tags_of(records[0])
    values = tags.values
    if tags.faults or values.get("v", "DKIM1") != "DKIM1" or "v" in [*values][1:]:
        text = f"The record is broken: {few(tags.faults) or 'it does not begin with `v=DKIM1`'}."
        yield bad("dkim.key", name, text, _NEW_KEY)
        return
    if not values["p"]:
        text = "The key is revoked (`p=` is empty): what it signed counts as unsigned."
        mend = "Sign with another selector; once nothing is signed with this one, its record can go."
        yield bad("dkim.key", name, text, mend)
        return
    yield _of_key(name, values)
    if "y" in values.get("t", "").replace(" ", "").split(":"):
        text = "The key says that it is a test (`t=y`): receivers may treat what it signed as unsigned."
        yield weak("dkim.test", name, text, "Take `t=y` out.")


def _of_key(name: str, values: Mapping[str, str]) -> Finding:
    code = "dkim.key"
    hashes = values.get("h", "sha256").replace(" ", "").split(":")
    if "sha256" not in hashes:
        return bad(code, name, "The key allows no SHA-256, and receivers take nothing else.", "Take `h=` out.")
    services = values.get("s", "*").replace(" ", "").split(":")
    if not {"*", "email"} & {*services}:
        return bad(code, name, "The key is not for mail (`s=`).", "Take `s=` out.")
    key = _key_of(values.get("k", "rsa").lower(), values["p"])
    if key is None:
        return bad(code, name, "The key cannot be read: it was cut off, or changed on its way into DNS.", _NEW_KEY)
    if key.kind == "ed25519":
        text = "The key is Ed25519, which not all large receivers check."
        return weak(code, name, text, "Sign with an RSA key of 2,048 bits, too.")
    if key.bits < LEAST_BITS:
        text = f"The RSA key has {key.bits} bits; receivers refuse keys of less than {LEAST_BITS:,}."
        return bad(code, name, text, "Make a key of 2,048 bits.")
    if key.bits < GOOD_BITS:
        return weak(code, name, f"The RSA key has {key.bits:,} bits.", "Make a key of 2,048 bits.")
    if key.bits > MOST_BITS:
        text = f"The RSA key has {key.bits:,} bits; receivers need to take {MOST_BITS:,} and no more."
        return weak(code, name, text, "Make a key of 2,048 bits.")
    return good(code, name, f"The RSA key has {key.bits:,} bits.")


def _key_of(kind: str, text: str) -> _Key | None:
    """Return a key as DNS holds it; None where it is none."""
    try:
        content = base64.b64decode("".join(text.split()), validate=True)
        if kind == "ed25519":
            return _Key(kind, 256) if len(content) == ED25519_BYTES else None
        key = load_der_public_key(content)
    except (binascii.Error, ValueError, UnsupportedAlgorithm):
        return None
    return _Key(kind, key.key_size) if kind == "rsa" and isinstance(key, RSAPublicKey) else None
