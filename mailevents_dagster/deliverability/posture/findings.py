"""A judgement on what was found: what it means, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mailevents_dagster.deliverability.answers import Answer, State


class Verdict(StrEnum):
    GOOD = "good"
    NOTE = "note"
    """Worth knowing; nothing to mend."""
    WEAK = "weak"
    """Works, and might be better."""
    BAD = "bad"
    """Costs deliveries, or lets others send in the name of the domain."""
    UNKNOWN = "unknown"
    """Could not be asked, so nothing is said about it."""


@dataclass(frozen=True, slots=True)
class Finding:
    code: str
    """Names the judgement for ever, such as `spf.lookups`; its topic stands before the dot."""
    name: str
    """What was looked at: a domain, a host, an address."""
    verdict: Verdict
    text: str
    mend: str = ""
    state: State = State.THERE
    """Of what was looked at."""
    kept_from: str = ""
    """The day that the oldest fact it rests on was heard, where one could not be asked today."""
    details: tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        return self.code.partition(".")[0]


def good(code: str, name: str, text: str, details: tuple[str, ...] = ()) -> Finding:
    return Finding(code, name, Verdict.GOOD, text, details=details)


def note(code: str, name: str, text: str, details: tuple[str, ...] = ()) -> Finding:
    return Finding(code, name, Verdict.NOTE, text, details=details)


def weak(code: str, name: str, text: str, mend: str, details: tuple[str, ...] = ()) -> Finding:
    return Finding(code, name, Verdict.WEAK, text, mend, details=details)


def bad(code: str, name: str, text: str, mend: str, details: tuple[str, ...] = ()) -> Finding:
    return Finding(code, name, Verdict.BAD, text, mend, details=details)


def missing(code: str, name: str, verdict: Verdict, text: str, mend: str) -> Finding:
    return Finding(code, name, verdict, text, mend, State.ABSENT)


def unknown(code: str, name: str, what: str, answer: Answer) -> Finding:
    """Return that something could not be asked; it may be there or not."""
    text = f"{what} could not be asked: {answer.reason}. It may be there or not."
    return Finding(code, name, Verdict.UNKNOWN, text, "Look at the name server, or ask another one.", State.UNASKED)
