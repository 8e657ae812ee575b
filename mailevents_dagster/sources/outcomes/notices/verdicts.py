"""The class of a failure that a notice tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from mailevents_dagster.failures.classes import BounceClass
from mailevents_dagster.failures.classifying import PERMANENT, UNKNOWN, classify
from mailevents_dagster.sources.outcomes.notices.notice import Notice, NoticeKind

_PASSING: Final = "4.0.0"
"""What a server means that goes on trying and gives no code."""


def failed(
    told: Notice,
    code: int | None,
    enhanced_code: str | None,
    text: str,
    *,
    diagnostic_type: str | None = None,
    around: str = "",
    is_guess: bool = False,
) -> Notice:
    """Return the notice with the class of its failure; where its reason says nothing, the text around it may.

    An enhanced code `is_guess` where the server that reports made it of an answer without one: sendmail writes 5.1.1
    for whatever is refused behind RCPT. It says nothing of the address where the answer says that it is not at fault.
    """
    if told.kind is NoticeKind.DEFERRAL and code is None and enhanced_code is None:
        verdict = classify(None, _PASSING, text)
    else:
        verdict = classify(code, enhanced_code, text)
    if is_guess and verdict.bounce_class is BounceClass.HARD:
        said = classify(code, None, text)
        verdict = said if said.bounce_class in (BounceClass.SOFT, BounceClass.POLICY) else verdict
    if around and verdict in (UNKNOWN, PERMANENT):
        second = classify(code, enhanced_code, around)
        verdict = verdict if second in (UNKNOWN, PERMANENT) else second
    return replace(
        told,
        bounce_class=verdict.bounce_class,
        reason=verdict.reason,
        rule=verdict.rule,
        code=code,
        enhanced_code=enhanced_code,
        text=text or None,
        diagnostic_type=diagnostic_type,
    )
