"""All rules, and what they find in a message. Pure but for the keys that are asked for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mailevents_dagster.deliverability.lint import bulk_rules, content_rules, format_rules, link_rules, sender_rules
from mailevents_dagster.deliverability.lint.mail import Mail
from mailevents_dagster.deliverability.lint.rule import Finding, Rule, Weight, finding_of

RULES: Final[tuple[Rule, ...]] = (
    *sender_rules.RULES,
    *bulk_rules.RULES,
    *format_rules.RULES,
    *content_rules.RULES,
    *link_rules.RULES,
)


def findings_of(mail: Mail) -> list[Finding]:
    """Return the rules that fail, the heaviest first."""
    weights = list(Weight)
    found = [finding for rule in RULES if (finding := finding_of(rule, mail))]
    return sorted(found, key=lambda finding: weights.index(finding.rule.weight))


def has_error(findings: Iterable[Finding]) -> bool:
    return any(finding.rule.weight is Weight.ERROR for finding in findings)
