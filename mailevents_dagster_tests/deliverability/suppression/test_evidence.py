"""What is left out of a day's outcomes changes nothing of the ledger, whatever happened in which order."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from mailevents_dagster.deliverability.suppression.evidence import (
    AGAINST,
    COLUMNS,
    Known,
    counting,
    evidence_in,
    known_of,
    last_of_each,
)
from mailevents_dagster.deliverability.suppression.ledger import Evidence, Ledger, ledger_after
from mailevents_dagster.sources.outcomes.columns import COLUMNS as OUTCOMES
from mailevents_dagster.sources.outcomes.settings.suppression import SuppressionRules

TIME = pa.timestamp("ms", tz="UTC")
SCHEMA = pa.schema([(name, {"event_time": TIME, **{one.name: one.type for one in OUTCOMES}}[name]) for name in COLUMNS])
BEGIN = datetime(2026, 11, 20, tzinfo=UTC)
END = round((BEGIN + timedelta(days=1)).timestamp() * 1000)
RULES = (
    SuppressionRules(),
    SuppressionRules.model_validate(
        {"hard": {"reset_by_delivery": False}, "soft": {"reset_by_delivery": False, "on_days": 1}}
    ),
)
MAILS = [f"m{number}" for number in range(20)]
PEOPLE = ("jo@example.org", "JO@Example.org", '"jo"@example.org', "anna@example.org", "ü@bücher.example", "root", None)
KINDS = (
    *[("delivered", None)] * 6,
    *(("opened", None), ("accepted", None), ("complained", None), ("unsubscribed", None)),
    *(("bounced", one) for one in ("hard", "soft", "policy")),
    *(("deferred", one) for one in ("soft", "soft", "policy")),
)


def hour_of(chance: random.Random, number: int, rows: int) -> pa.Table:
    made = []
    for place in range(rows):
        outcome, class_ = chance.choice(KINDS)
        at = BEGIN + timedelta(seconds=chance.randrange(40))
        made.append(
            {
                "event_time": at,
                "outcome_at": chance.choice([at, at + timedelta(seconds=chance.randrange(30)), None]),
                "outcome": outcome,
                "class": class_,
                "recipient": chance.choice(PEOPLE),
                "message_id": chance.choice([*MAILS, *MAILS, "", None]),
                "queue_id": chance.choice(["Q1", None]),
                "server": chance.choice(["mx1", None]),
                "feed": "f",
                "event_id": f"{number}-{place:03}",
            }
        )
    return pa.Table.from_pylist(made, SCHEMA)


def evidence(hours: list[pa.Table], ledger: Ledger, *, is_all: bool) -> list[tuple[str, Evidence]]:
    failures = [hour.filter(pa.compute.field("outcome").isin(AGAINST)) for hour in hours]
    known = known_of(ledger, failures)
    if is_all:
        known = Known(known.addresses, pa.array([*MAILS, "mx1 Q1", " Q1", ""]))
    pairs = [counting(hour, known) for hour in hours]
    signs = pa.concat_tables([signs for _, signs in pairs])
    rows = pa.concat_tables([*(rows for rows, _ in pairs), signs if is_all else last_of_each(signs)])
    return list(evidence_in(rows, "UTC"))


@pytest.mark.slow
@pytest.mark.parametrize("rules", RULES, ids=["usual", "no reset"])
def test_the_last_sign_of_life_stands_for_those_before_it(rules: SuppressionRules) -> None:
    fewer = 0
    for seed in range(150):
        chance = random.Random(seed)
        before = evidence([hour_of(chance, 9, 6)], {}, is_all=True)
        ledger = ledger_after({}, before, rules, END - 1)
        hours = [hour_of(chance, number, chance.randrange(30)) for number in range(3)]
        every, some = (evidence(hours, ledger, is_all=is_all) for is_all in (True, False))
        assert ledger_after(ledger, some, rules, END) == ledger_after(ledger, every, rules, END), seed
        fewer += len(some) < len(every)
    assert fewer > 50


def test_nothing_is_the_last_of_nothing() -> None:
    empty = SCHEMA.empty_table()
    assert len(last_of_each(counting(empty, known_of({}, [empty]))[1])) == 0
