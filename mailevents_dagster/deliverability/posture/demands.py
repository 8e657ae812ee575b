"""What large receivers demand of whoever sends them many mails, beside what was found."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from mailevents_dagster.deliverability.posture.findings import Finding, Verdict

GOOGLE: Final = "google"
YAHOO: Final = "yahoo"
MICROSOFT: Final = "microsoft"
ALL: Final = (GOOGLE, YAHOO, MICROSOFT)


@dataclass(frozen=True, slots=True)
class Demand:
    name: str
    text: str
    needs: tuple[str, ...]
    """Codes of findings that must not be bad; of the first at least one must be there."""
    receivers: tuple[str, ...] = ALL


DEMANDS: Final = (
    Demand(
        "spf",
        "SPF names every server that sends",
        ("spf.record", "spf.syntax", "spf.lookups", "spf.voids", "spf.all", "spf.covers"),
    ),
    Demand("dkim", "mail is signed (DKIM) with a key of 1,024 bits or more", ("dkim.usable",)),
    Demand("dmarc", "there is a DMARC record with at least `p=none`", ("dmarc.record", "dmarc.policy")),
    Demand(
        "alignment",
        "SPF or DKIM speaks for the domain that stands in From; a key of the domain itself does",
        ("dkim.usable", "dmarc.record"),
    ),
    Demand("ptr", "each sending address has a name that leads back to it", ("ptr.name",), (GOOGLE, YAHOO)),
    Demand("tls", "mail is handed over with TLS", ("tls.sent",), (GOOGLE,)),
)
"""What DNS does not show stands in no line: complaints below 0.3 %, and unsubscribing with one click."""


def demands(domain: str, findings: Sequence[Finding]) -> Iterator[Finding]:
    for receiver in ALL:
        yield from (_judged(domain, receiver, one, findings) for one in DEMANDS if receiver in one.receivers)


def _judged(domain: str, receiver: str, demand: Demand, findings: Sequence[Finding]) -> Finding:
    code, name = f"{receiver}.{demand.name}", receiver.capitalize()
    concerned = [one for one in findings if one.code in demand.needs]
    said = f"{name} demands that {demand.text}"
    for verdict, what in ((Verdict.BAD, "not met"), (Verdict.UNKNOWN, "not known")):
        reasons = [one for one in concerned if one.verdict is verdict]
        if reasons:
            mends = " ".join(dict.fromkeys(one.mend for one in reasons if one.mend))
            text = f"{said}: {what}. {' '.join(one.text for one in reasons)}"
            return Finding(code, domain, verdict, text, mends, kept_from=_oldest(concerned))
    if not any(one.code == demand.needs[0] for one in concerned):
        mend = "Name what is to be looked at in the settings, and skip nothing of it."
        return Finding(code, domain, Verdict.UNKNOWN, f"{said}: not known, since it was not looked at.", mend)
    return Finding(code, domain, Verdict.GOOD, f"{said}: met.", kept_from=_oldest(concerned))


def _oldest(findings: Sequence[Finding]) -> str:
    return min((one.kept_from for one in findings if one.kept_from), default="")
