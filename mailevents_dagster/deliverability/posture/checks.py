"""What the checks of a day say, in words that name the mend; and the day as somebody reads it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from mailevents_dagster.deliverability.answers import Answer, Question
from mailevents_dagster.deliverability.posture import findings as of
from mailevents_dagster.deliverability.posture.changes import topic_of
from mailevents_dagster.deliverability.posture.demands import ALL as RECEIVERS
from mailevents_dagster.deliverability.posture.findings import Finding
from mailevents_dagster.deliverability.posture.starttls import STARTTLS
from mailevents_dagster.health.verdicts import Verdict

CHECKS: Final[Mapping[str, str]] = {
    "sound": "Is nothing in DNS or on the mail servers such that mail is refused, or others can send in its name?",
    "demands": "Is what Google, Yahoo and Microsoft demand of whoever sends many mails met, as far as DNS shows it?",
    "asked": "Could everything be asked today? What could not be is neither there nor missing.",
    "unchanged": "Is everything as on the day before?",
}
MOST_SAID: Final = 12
"""Findings or changes that a message names; the rest are counted."""


def verdicts(
    findings: Sequence[Finding], heard: Mapping[Question, Answer], changed: Sequence[str]
) -> dict[str, Verdict]:
    bad = [one for one in findings if one.verdict is of.Verdict.BAD]
    sound = [_said(one) for one in bad if one.topic not in RECEIVERS]
    demands = [_said(one) for one in bad if one.topic in RECEIVERS]
    lost = sorted(unasked(heard))
    return {
        "sound": _verdict(sound, "bad", is_error=True),
        "demands": _verdict(demands, "not_met", is_error=True),
        "asked": _verdict(lost, "not_asked"),
        "unchanged": _verdict(changed, "changes"),
    }


def unasked(heard: Mapping[Question, Answer]) -> Iterator[str]:
    """Yield what could not be asked today, and what is known of it from before."""
    for question, answer in heard.items():
        # That mail servers are out of reach from here is usual: most networks let no mail out.
        if question.kind == STARTTLS or not (answer.is_unasked or answer.kept_from):
            continue
        kept = f"; what was heard on {answer.kept_from} counts" if answer.kept_from else ""
        yield f"{topic_of(question)} of {question.name} could not be asked: {answer.reason}{kept}."


def numbers(
    findings: Sequence[Finding], heard: Mapping[Question, Answer], changed: Sequence[str]
) -> dict[str, float | str | bool]:
    verdicts = Counter(one.verdict for one in findings if one.topic not in RECEIVERS)
    of_demands = Counter(one.verdict for one in findings if one.topic in RECEIVERS)
    return {
        "bad": verdicts[of.Verdict.BAD],
        "weak": verdicts[of.Verdict.WEAK],
        "good": verdicts[of.Verdict.GOOD],
        "unknown": verdicts[of.Verdict.UNKNOWN],
        "demands_met": of_demands[of.Verdict.GOOD],
        "demands_not_met": of_demands[of.Verdict.BAD],
        "demands_unknown": of_demands[of.Verdict.UNKNOWN],
        "not_asked": sum(answer.is_unasked or bool(answer.kept_from) for answer in heard.values()),
        "changes": len(changed),
    }


def said(findings: Sequence[Finding], heard: Mapping[Question, Answer], changed: Sequence[str]) -> str:
    """Return the day as Markdown: what changed, what is wrong and how to mend it, what could not be asked."""
    wrong = [one for one in findings if one.verdict in (of.Verdict.BAD, of.Verdict.WEAK) and one.topic not in RECEIVERS]
    wrong.sort(key=lambda one: one.verdict is not of.Verdict.BAD)
    of_receivers = [one for one in findings if one.topic in RECEIVERS and one.verdict is of.Verdict.BAD]
    parts = (
        ("Changed since the day before", changed),
        ("To mend", [f"**{one.verdict}** {_said(one)}" for one in wrong]),
        ("Demanded and not met", [_said(one) for one in of_receivers]),
        ("Could not be asked", sorted(unasked(heard))),
    )
    return "\n\n".join(f"**{title}**\n\n{_listed(lines)}" for title, lines in parts if lines)


def _said(one: Finding) -> str:
    kept = f" (As it was on {one.kept_from}.)" if one.kept_from else ""
    return f"{one.text}{kept} {one.mend}".strip()


def _verdict(faults: Sequence[str], number: str, *, is_error: bool = False) -> Verdict:
    text = " ".join(_few(faults)) if faults else "fine"
    return Verdict(not faults, text, {number: len(faults)}, is_error=is_error)


def _listed(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in _few([*lines]))


def _few(lines: Sequence[str]) -> list[str]:
    rest = len(lines) - MOST_SAID
    return [*lines[:MOST_SAID], *([f"And {rest:,} more."] if rest > 0 else [])]
