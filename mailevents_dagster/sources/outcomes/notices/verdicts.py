"""The class of a failure that a notice tells."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

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
) -> Notice:
    """Return the notice with the class of its failure; where its reason says nothing, the text around it may."""
    if told.kind is NoticeKind.DEFERRAL and code is None and enhanced_code is None:
        verdict = classify(None, _PASSING, text)
    else:
        verdict = classify(code, enhanced_code, text)
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
