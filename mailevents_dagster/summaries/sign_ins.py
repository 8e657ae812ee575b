"""Who failed to sign in, from where, and in which hours unusually often. Pure.

Users and addresses are personal data: they are in the counts, and in nothing that is made of them for Dagster.
"""

from __future__ import annotations

from statistics import median
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.sources.statuses import SIGN_INS, sign_in_of
from mailevents_dagster.summaries.counts import HOURS_KEPT, NONE, by, by_hour, occurrences

COLUMNS: Final = ("email", "srcip", "status")
PERSONAL: Final = ("failures_of_user", "failures_of_address")
DEVIATIONS: Final = 6.0
"""How many robust standard deviations above the day's median hour make a spike."""
TO_DEVIATION: Final = 1.4826
"""From the median distance to the standard deviation, for a normal distribution."""
FEWEST: Final = 10
"""Fewer failures in an hour are not a spike, however quiet the day is."""


def of_hour(table: pa.Table, hour: str) -> pa.Table:
    status = table["status"].combine_chunks().dictionary_encode()
    known = [sign_in_of(word) for word in status.dictionary.to_pylist()]
    result = pc.fill_null(pa.array(known, pa.string()).take(status.indices), "other")
    failed = table.filter(pc.equal(result, "failed"))
    users, addresses = (pc.fill_null(failed[name], NONE) for name in ("email", "srcip"))
    return pa.concat_tables(
        [
            occurrences("sign_ins", result, hour),
            occurrences("failures_of_user", pc.utf8_lower(users)),
            occurrences("failures_of_address", addresses),
        ]
    )


def spikes(table: pa.Table) -> dict[str, int]:
    """Return the hours with far more failures than the day's other stored hours, those without any among them.

    Far more means DEVIATIONS robust deviations above the median (by the median distance from it or by counting noise,
    whichever is greater), and at least FEWEST. A spike moves neither much, however high it is.
    """
    failures = by_hour(table, "sign_ins", "failed")
    counts = [failures.get(hour, 0) for hour in by(table, HOURS_KEPT, "hour")]
    if not counts:
        return {}
    middle = median(counts)
    spread = max(TO_DEVIATION * median(abs(count - middle) for count in counts), middle**0.5, 1.0)
    limit = max(middle + DEVIATIONS * spread, FEWEST)
    return {hour: count for hour, count in sorted(failures.items()) if count >= limit}


def numbers(table: pa.Table) -> dict[str, float]:
    """Return the main numbers: how many users, never who."""
    results = by(table, "sign_ins")
    return {
        "sign_ins": sum(results.values()),
        **{result: results.get(result, 0) for result in SIGN_INS},
        "users_with_failures": len(by(table, "failures_of_user")),
        "addresses_with_failures": len(by(table, "failures_of_address")),
        "spike_hours": len(spikes(table)),
    }
