"""Evidence as tests write it."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

from mailevents_dagster.deliverability.suppression.ledger import DAY, Evidence, Standing, ledger_after, suppressions
from mailevents_dagster.sources.outcomes.settings.suppression import SuppressionRules

BEGIN = 1_790_000_000_000 // DAY * DAY
"""A midnight in UTC."""
RULES = SuppressionRules()
JO = "jo@example.org"
_NUMBER = count()


def told(what: str, day: float, mail: str = "", **facts: object) -> Evidence:
    """What happened so many days after the beginning."""
    at = BEGIN + round(day * DAY)
    name = datetime.fromtimestamp(at / 1000, UTC).date().isoformat()
    number = next(_NUMBER)
    known = {"event_id": f"event {number:06}", **facts}
    return Evidence(what, JO, at, name, mail or f"mail {number}", **known)  # type: ignore[arg-type]


def standing_after(*events: Evidence, days: float, rules: SuppressionRules = RULES) -> Standing:
    """What speaks against Jo after so many days, each of them made on its own."""
    ledger: dict[str, Standing] = {}
    start = BEGIN
    while start < BEGIN + days * DAY:
        end = min(start + DAY, round(BEGIN + days * DAY))
        ledger = ledger_after(ledger, [(JO, one) for one in events if start <= one.at < end], rules, end)
        start += DAY
    return ledger.get(JO, ())


def reasons_after(*events: Evidence, days: float, rules: SuppressionRules = RULES) -> list[str]:
    return list(suppressions(standing_after(*events, days=days, rules=rules), rules, round(BEGIN + days * DAY)))
