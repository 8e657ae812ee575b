"""The ledger as a table: a row for each piece of evidence, and back. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import fields
from typing import Final

import pyarrow as pa

from mailevents_dagster.deliverability.addresses import comparable, flags_of
from mailevents_dagster.deliverability.suppression.ledger import (
    Evidence,
    Ledger,
    Standing,
    Suppression,
    in_order,
    suppressions,
)
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
_IN_FILE: Final = pa.schema([SCHEMA.field(name) for name in _FACTS])


def rows_of(ledger: Ledger, rules: SuppressionRules, at: int) -> pa.Table:
    """Return the ledger at a time (Unix, in milliseconds), by addresses and times."""
    evidence: list[Evidence] = []
    held: list[Suppression | None] = []
    flags: list[Sequence[str]] = []
    for address, standing in ledger.items():
        why = suppressions(standing, rules, at)
        evidence += standing
        held += [one if (one := why.get(piece.what)) and one.evidence is piece else None for piece in standing]
        flags += [flags_of(address)] * len(standing)
    columns: dict[str, Sequence[object]] = {name: [getattr(one, name) for one in evidence] for name in _FACTS}
    columns |= {
        "is_suppressed": [one is not None for one in held],
        "until": [one.until if one else None for one in held],
        "rules": [rules.version if one else None for one in held],
        "flags": flags,
    }
    return pa.Table.from_pydict(columns, SCHEMA)


def ledger_of(rows: pa.Table) -> dict[str, Standing]:
    """Return the ledger of a table."""
    made: defaultdict[str, list[Evidence]] = defaultdict(list)
    facts = rows.select(_FACTS).cast(_IN_FILE)
    at = facts.schema.get_field_index("at")
    facts = facts.set_column(at, "at", facts["at"].cast(pa.int64()))
    for values in zip(*(column.to_pylist() for column in facts.columns), strict=True):
        one = Evidence(*values)
        made[comparable(one.address)].append(one)
    return {address: in_order(found) for address, found in sorted(made.items())}
