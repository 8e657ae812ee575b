"""BIMI: the logo that some receivers show beside mail of the domain."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from mailevents_dagster.deliverability.posture.dmarc_record import published
from mailevents_dagster.deliverability.posture.findings import (
    Finding,
    Verdict,
    bad,
    good,
    missing,
    note,
    unknown,
    weak,
)
from mailevents_dagster.deliverability.posture.tags import of_version, tags_of
from mailevents_dagster.deliverability.posture.world import World

VERSION: Final = "BIMI1"
SELECTOR: Final = "default"
ENOUGH: Final = ("quarantine", "reject")


def bimi(domain: str, world: World) -> Iterator[Finding]:
    name, code = f"{SELECTOR}._bimi.{domain}", "bimi.record"
    answer = world.ask(name, "TXT")
    records = of_version(answer.records, VERSION)
    if answer.is_unasked:
        yield unknown(code, name, "The BIMI record", answer)
    elif not records:
        text = "There is no BIMI record, so no receiver shows a logo. Nothing depends on it."
        yield missing(code, name, Verdict.NOTE, text, "")
    elif len(records) > 1:
        yield bad(code, name, f"There are {len(records)} BIMI records; receivers then take none.", "Leave one.")
    else:
        yield _of_record(name, records[0])
        yield from _beside_dmarc(domain, world)


def _of_record(name: str, text: str) -> Finding:
    code, values = "bimi.record", tags_of(text).values
    logo, certificate = values.get("l", ""), values.get("a", "")
    if not logo and not certificate:
        return note(code, name, "The BIMI record says that the domain shows no logo.", (text,))
    if not logo.lower().startswith("https://"):
        return bad(code, name, "The logo (`l=`) has no https address.", "Write `l=https://…` with an SVG.", (text,))
    if not certificate.lower().startswith("https://"):
        said = "The logo has no certificate (`a=`), without which Gmail and Apple do not show it."
        return weak(code, name, said, "Get a certificate for the logo (VMC or CMC), or leave it so.", (text,))
    return good(code, name, "There is one BIMI record, with a logo and a certificate.", (text,))


def _beside_dmarc(domain: str, world: World) -> Iterator[Finding]:
    record = published(domain, world.ask(f"_dmarc.{domain}", "TXT"))
    if record and record.values.get("p", "").lower() not in ENOUGH:
        text = "The logo is shown only where DMARC says `p=quarantine` or `p=reject`."
        yield weak("bimi.dmarc", domain, text, "Raise the DMARC policy first.")
