"""The ledger as a table: a row for each piece of evidence, and back. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from typing import Final

import pyarrow as pa

from mailevents_dagster.deliverability.addresses import comparable, flags_of
from mailevents_dagster.deliverability.suppression.evidence import milliseconds
from mailevents_dagster.deliverability.suppression.ledger import Evidence, Ledger, Standing, suppressions
from mailevents_dagster.model.columns import Column
from mailevents_dagster.sources.outcomes.settings.suppression import SuppressionRules

_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("ms", tz="UTC")

COLUMNS: Final[tuple[Column, ...]] = (
    Column("address", _TEXT, "The address as it was written where the evidence was told."),
    Column(
        "what", _TEXT, "manual, complaint, unsubscribed, hard, soft, or waiting: a deferral of a mail not yet given up."
    ),
    Column("is_suppressed", pa.bool_(), "Whether this row says why the address must not be mailed; others only count."),
    Column("until", _TIME, "When that ends; null: when somebody removes it, or a delivery where the rules say so."),
    Column("rules", _TEXT, "The version of the rules that say so."),
    Column("flags", pa.list_(_TEXT), "What else to look at: `role`, `typo of DOMAIN`."),
    Column("at", _TIME, "When it happened."),
    Column("day", _TEXT, "The day of that in the time zone of the settings, by which soft bounces are counted."),
    Column("mail", _TEXT, "The mail that it is about: its Message-ID, else server and queue id."),
    Column("rule", _TEXT, "The rule of the failure's class, or the reason that somebody gave."),
    Column("code", pa.int16(), "The SMTP reply code."),
    Column("enhanced_code", _TEXT, "The enhanced status code."),
    Column("text", _TEXT, "What the server answered, its first 500 characters."),
    Column("feed", _TEXT, "The feed that tells it."),
    Column("event_id", _TEXT, "The outcome that it rests on."),
)
SCHEMA: Final = pa.schema([column.field for column in COLUMNS])
_FACTS: Final = tuple(one.name for one in fields(Evidence))


def rows_of(ledger: Ledger, rules: SuppressionRules, at: int) -> pa.Table:
    """Return the ledger at a time (Unix, in milliseconds), by addresses and times."""
    rows: list[dict[str, object]] = []
    for address, standing in ledger.items():
        held = suppressions(standing, rules, at)
        flags = list(flags_of(address))
        for one in standing:
            facts: dict[str, object] = {name: getattr(one, name) for name in _FACTS}
            why = held.get(one.what)
            is_why = why is not None and why.evidence is one
            until = why.until if why and is_why else None
            told = {"is_suppressed": is_why, "until": until, "rules": rules.version if is_why else None, "flags": flags}
            rows.append(facts | told)
    return pa.Table.from_pylist(rows, SCHEMA)


def ledger_of(rows: pa.Table) -> dict[str, Standing]:
    """Return the ledger of a table."""
    made: defaultdict[str, list[Evidence]] = defaultdict(list)
    for row in rows.select(_FACTS).to_pylist():
        row["at"] = milliseconds(row["at"])
        made[comparable(row["address"])].append(Evidence(**row))
    return {address: tuple(sorted(found, key=lambda one: one.at)) for address, found in sorted(made.items())}
