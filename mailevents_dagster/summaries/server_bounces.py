"""Why mail servers did not get rid of mails: attempts that failed, by class, rule, pattern, answer and receiver. Pure.

Recipients are personal data: their domains are counted, never their addresses.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.summaries.anonymous import domains_of, unless_address
from mailevents_dagster.summaries.counts import NONE, by, occurrences

COLUMNS: Final = (
    *("class", "event", "reason", "rule", "pattern_name", "code", "enhanced_code"),
    *("relay_host", "recipient"),
)
FAILURE_CLASSES: Final = ("hard", "soft", "policy", "other")
TABLES: Final = (
    *("refusal_reason", "class_rule", "pattern", "code", "enhanced_code"),
    *("receiving_host", "recipient_domain"),
)
"""Measures whose keys are worth a table."""


def of_hour(table: pa.Table, hour: str) -> pa.Table:
    hosts = pc.utf8_lower(table["relay_host"])
    return pa.concat_tables(
        [
            occurrences("failures", table["class"], hour),
            occurrences("event", table["event"], hour),
            occurrences("refusal_reason", _filled(table["reason"])),
            occurrences("class_rule", table["rule"]),
            occurrences("pattern", _filled(unless_address(table["pattern_name"]))),
            occurrences("code", table["code"]),
            occurrences("enhanced_code", _filled(table["enhanced_code"])),
            occurrences("receiving_host", unless_address(hosts)),
            occurrences("recipient_domain", domains_of(table["recipient"])),
        ]
    )


def numbers(table: pa.Table) -> dict[str, float]:
    classes, events = by(table, "failures"), by(table, "event")
    return {
        "failures": sum(classes.values()),
        "bounces": events.get("bounce", 0),
        "deferrals": events.get("deferral", 0),
        **{name: classes.get(name, 0) for name in FAILURE_CLASSES},
        "with_pattern": sum(by(table, "pattern").values()),
        "receiving_hosts": len(by(table, "receiving_host").keys() - {NONE}),
        "recipient_domains": len(by(table, "recipient_domain").keys() - {NONE}),
    }


def _filled(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the texts with nulls for those that say nothing."""
    return pc.if_else(pc.is_in(texts, value_set=pa.array(["", NONE])), pa.scalar(None, pa.string()), texts)
