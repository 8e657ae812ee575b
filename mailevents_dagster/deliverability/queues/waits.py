"""Waits: from the first refusal for now to the delivery, of each mail and recipient. Pure."""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from mailevents_dagster.deliverability.outcomes_of_day import mails_of, was_tried
from mailevents_dagster.model.outcome import Became
from mailevents_dagster.summaries.anonymous import domains_of

GREYLISTED: Final = ("greylisting",)
THROTTLED: Final = ("rate", "rate-by-reputation", "receives-too-fast", "code-receives-too-much", "code-mail-flood")
"""Rules of deferrals that say: more slowly, please."""
_MILLISECONDS: Final = 1000
_NEVER: Final = np.iinfo(np.int64).max
Integers = NDArray[np.int64]


def waits(rows: pa.Table) -> pa.Table:
    """Return a row for each mail and recipient that was deferred, from all that is told of it.

    `seconds` is the time until it was delivered; null where it was given up or still waits. It began when a receiver
    first put the mail off, by this rule; where the sending server alone did so, without a try, `rule` is null.
    """
    rows = rows.append_column("mail", mails_of(rows))
    person = pc.utf8_lower(pc.fill_null(rows["recipient"], ""))
    group = pc.binary_join_element_wise(rows["mail"], person, "\n").combine_chunks().dictionary_encode().indices
    groups, at = group.to_numpy(), rows["outcome_at"].cast(pa.int64()).to_numpy()
    size = int(groups.max()) + 1 if len(groups) else 0
    is_deferral = _is(rows, Became.DEFERRED)
    is_refusal = is_deferral & was_tried(rows).to_numpy()
    refused = _first(is_refusal, groups, at, size)
    first = np.where(refused >= 0, refused, _first(is_deferral, groups, at, size))
    last = _last(is_deferral, groups, at, size)
    delivered = _last(_is(rows, Became.DELIVERED), groups, at, size)
    bounced = _last(_is(rows, Became.BOUNCED), groups, at, size)
    chosen = np.flatnonzero(first >= 0)
    begins = (is_refusal | (is_deferral & (refused[groups] < 0))) & (at == first[groups])
    places = np.full(size, -1)
    places[groups[begins]] = np.flatnonzero(begins)
    of_first = rows.take(pa.array(places[chosen]))
    is_delivered = delivered[chosen] >= first[chosen]
    return pa.table(
        {
            "receiver": domains_of(of_first["recipient"]),
            "rule": pc.if_else(pa.array(refused[chosen] >= 0), of_first["rule"], None),
            "first_at": pa.array(first[chosen]),
            "last_at": pa.array(np.maximum.reduce([last, delivered, bounced])[chosen]),
            "seconds": pa.array((delivered - first)[chosen] / _MILLISECONDS, mask=~is_delivered),
            "is_waiting": pa.array(~is_delivered & (bounced[chosen] < last[chosen])),
        }
    )


def _is(rows: pa.Table, became: Became) -> NDArray[np.bool_]:
    return np.asarray(pc.equal(rows["outcome"], str(became)).to_numpy())


def _first(wanted: NDArray[np.bool_], groups: Integers, at: Integers, size: int) -> Integers:
    """Return the first time of the wanted rows of each group; -1 where there is none."""
    found = np.full(size, _NEVER)
    np.minimum.at(found, groups[wanted], at[wanted])
    return np.where(found == _NEVER, -1, found)


def _last(wanted: NDArray[np.bool_], groups: Integers, at: Integers, size: int) -> Integers:
    found = np.full(size, -1)
    np.maximum.at(found, groups[wanted], at[wanted])
    return found
