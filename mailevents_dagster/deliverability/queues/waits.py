"""Waits: from the first refusal for now to the delivery, of each mail and recipient. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.outcomes_of_day import mails_of
from mailevents_dagster.model.outcome import Became
from mailevents_dagster.summaries.anonymous import domains_of

GREYLISTED: Final = ("greylisting",)
THROTTLED: Final = ("rate", "rate-by-reputation", "receives-too-fast", "code-receives-too-much", "code-mail-flood")
"""Rules of deferrals that say: more slowly, please."""
_MILLISECONDS: Final = 1000


def waits(rows: pa.Table) -> pa.Table:
    """Return a row for each mail and recipient that was deferred, from all that is told of it.

    `seconds` is the time until it was delivered; null where it was given up or still waits.
    """
    rows = rows.append_column("mail", mails_of(rows))
    person = pc.utf8_lower(pc.fill_null(rows["recipient"], ""))
    group = pc.binary_join_element_wise(rows["mail"], person, "\n").combine_chunks().dictionary_encode().indices
    groups, at = group.to_numpy(), rows["outcome_at"].cast(pa.int64()).to_numpy()
    size = int(groups.max()) + 1 if len(groups) else 0
    first = _extreme(rows, groups, at, size, Became.DEFERRED, is_first=True)
    last = _extreme(rows, groups, at, size, Became.DEFERRED, is_first=False)
    delivered = _extreme(rows, groups, at, size, Became.DELIVERED, is_first=False)
    bounced = _extreme(rows, groups, at, size, Became.BOUNCED, is_first=False)
    chosen = np.flatnonzero(first >= 0)
    of_first = rows.take(pa.array(_row_of(groups, at, rows, first, chosen)))
    is_delivered = delivered[chosen] > first[chosen]
    is_waiting = ~is_delivered & (bounced[chosen] < last[chosen])
    return pa.table(
        {
            "receiver": domains_of(of_first["recipient"]),
            "rule": of_first["rule"],
            "first_at": pa.array(first[chosen]),
            "last_at": pa.array(np.maximum.reduce([last, delivered, bounced])[chosen]),
            "seconds": pa.array((delivered - first)[chosen] / _MILLISECONDS, mask=~is_delivered),
            "is_waiting": pa.array(is_waiting),
        }
    )


def _extreme(
    rows: pa.Table, groups: np.ndarray, at: np.ndarray, size: int, became: Became, *, is_first: bool
) -> np.ndarray:
    """Return the first or last time that this became of each mail and recipient; -1 where it never did."""
    wanted = pc.equal(rows["outcome"], str(became)).to_numpy()
    found = np.full(size, np.iinfo(np.int64).max if is_first else -1)
    (np.minimum if is_first else np.maximum).at(found, groups[wanted], at[wanted])
    found[found == np.iinfo(np.int64).max] = -1
    return found


def _row_of(groups: np.ndarray, at: np.ndarray, rows: pa.Table, first: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return the row of each first deferral."""
    is_deferral = pc.equal(rows["outcome"], str(Became.DEFERRED)).to_numpy()
    is_first = is_deferral & (at == first[groups])
    places = np.full(len(first), -1)
    places[groups[is_first]] = np.flatnonzero(is_first)
    return np.asarray(places[chosen])
