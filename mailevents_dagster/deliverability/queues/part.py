"""Queues: how long receivers make mails wait, and what waits at the end of the day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.outcomes_of_day import made_of_outcomes, outcomes_of_day, with_keys
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.queues.waits import GREYLISTED, THROTTLED, waits
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.columns import Column
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.outcome import Became

DAYS_BEFORE: Final = 5
"""As long as mail servers keep trying, unless they are told otherwise."""
LONG: Final = 4 * 3600
"""Seconds in the queue after which most servers warn the sender."""
QUANTILES: Final = {"wait_p50": 0.5, "wait_p90": 0.9, "wait_p99": 0.99}
NAMED: Final = 10
_INT: Final = pa.int64()
COLUMNS: Final = (
    Column("receiver", pa.string(), "The domain of the recipients."),
    Column("deferred", _INT, "Mails that it put off for the first time on this day, counted once for each recipient."),
    Column("greylisted", _INT, "Of these, put off because it did not know the sender yet."),
    Column("throttled", _INT, "Of these, put off because they were too many or too fast."),
    Column("delivered", _INT, "Mails that it took on this day after it had put them off, on this day or before."),
    *(
        Column(name, pa.float64(), f"Seconds until {share:.0%} of these were delivered, from the first refusal.")
        for name, share in QUANTILES.items()
    ),
    Column("waiting", _INT, "Mails that still waited at the end of the day."),
    Column("longest", pa.float64(), "Seconds that the oldest of them had waited by then."),
)
_READ: Final = with_keys("rule")
_TOLD: Final = [str(one) for one in (Became.DEFERRED, Became.DELIVERED, Became.BOUNCED)]


def _make(work: Work) -> Made:
    all_waits = waits(_rows(work))
    first, end = work.day.start * 1000, work.day.end * 1000
    rows = [_of_receiver(one, all_waits, first, end) for one in sorted(set(all_waits["receiver"].to_pylist()))]
    rows = [row for row in rows if row["deferred"] or row["delivered"] or row["waiting"]]
    table = pa.Table.from_pylist(rows, pa.schema([column.field for column in COLUMNS]))
    today = outcomes_of_day(work.store, work.domain.domain, work.day, ["outcome"], work.note)
    return Made(
        table,
        {
            **{name: int(pc.sum(table[name]).as_py() or 0) for name in ("deferred", "greylisted", "throttled")},
            **_quantiles(_ended(all_waits, first, end)),
            "waiting": int(pc.sum(table["waiting"]).as_py() or 0),
            **today.numbers,
        },
        {"nothing_waits_long": _waits_long(rows), "not_throttled": _throttled(rows)},
        _said(rows),
    )


def _rows(work: Work) -> pa.Table:
    """Return all that is told of mails that were deferred on this day or on the days before."""
    days = [work.day.ago(days) for days in range(DAYS_BEFORE, -1, -1)]

    def read(day: Day, wanted: pc.Expression) -> pa.Table:
        return outcomes_of_day(work.store, work.domain.domain, day, _READ, work.note, wanted).rows

    deferred = [read(day, pc.field("outcome") == str(Became.DEFERRED)) for day in days]
    people = pc.unique(pa.concat_tables(deferred)["recipient"]).drop_null()
    ended = (pc.field("outcome") == str(Became.DELIVERED)) | (pc.field("outcome") == str(Became.BOUNCED))
    others = [read(day, ended & pc.is_in(pc.field("recipient"), value_set=people)) for day in days]
    return pa.concat_tables([*deferred, *others]).combine_chunks()


def _ended(table: pa.Table, first: int, end: int) -> pa.Table:
    """Return the waits that ended with a delivery on the day."""
    at = table["last_at"]
    of_day = pc.and_(pc.greater_equal(at, first), pc.less(at, end))
    return table.filter(pc.and_(of_day, pc.is_valid(table["seconds"])))


def _of_receiver(receiver: str, all_waits: pa.Table, first: int, end: int) -> dict[str, Any]:
    own = all_waits.filter(pc.equal(all_waits["receiver"], receiver))
    of_day = pc.and_(pc.greater_equal(own["first_at"], first), pc.less(own["first_at"], end))
    begun = own.filter(pc.and_(of_day, pc.is_valid(own["rule"])))
    rules = begun["rule"].to_pylist()
    waiting = own.filter(own["is_waiting"])
    ended = _ended(own, first, end)
    return {
        "receiver": receiver,
        "deferred": len(begun),
        "greylisted": sum(rule in GREYLISTED for rule in rules),
        "throttled": sum(rule in THROTTLED for rule in rules),
        "delivered": len(ended),
        **_quantiles(ended),
        "waiting": len(waiting),
        "longest": (end - pc.min(waiting["first_at"]).as_py()) / 1000 if len(waiting) else None,
    }


def _quantiles(ended: pa.Table) -> dict[str, float]:
    if not len(ended):
        return {}
    seconds = ended["seconds"].to_numpy()
    found = {name: np.quantile(seconds, share, method="inverted_cdf") for name, share in QUANTILES.items()}
    return {name: round(float(value), 1) for name, value in found.items()}


def _waits_long(rows: Sequence[dict[str, Any]]) -> Verdict:
    long = sum(row["waiting"] for row in rows if (row["longest"] or 0) >= LONG)
    numbers = {"waiting": sum(row["waiting"] for row in rows), "receivers": len(rows)}
    if not long:
        return Verdict(passed=True, said="nothing", numbers=numbers)
    where = ", ".join(row["receiver"] for row in rows if (row["longest"] or 0) >= LONG and row["waiting"])
    said = f"Mails have waited for more than four hours at {where[:500]}. Look at what these answer."
    return Verdict(passed=False, said=said, numbers=numbers)


def _throttled(rows: Sequence[dict[str, Any]]) -> Verdict:
    slow = {row["receiver"]: row["throttled"] for row in rows if row["throttled"]}
    if not slow:
        return Verdict(passed=True, said="none", numbers={})
    where = ", ".join(sorted(slow, key=lambda one: -slow[one])[:NAMED])
    said = f"{where}: refused mails for now since they were too many or too fast. Send these more slowly."
    return Verdict(passed=False, said=said, numbers={"receivers": len(slow), "mails": sum(slow.values())})


def _said(rows: Sequence[dict[str, Any]]) -> str:
    slowest = sorted(rows, key=lambda row: -(row["wait_p90"] if row.get("wait_p90") else 0))[:NAMED]
    lines = "".join(
        f"| {row['receiver']} | {row['deferred']:,} | {row.get('wait_p50', '')} | {row.get('wait_p90', '')} | "
        f"{row['waiting']:,} |\n"
        for row in slowest
    )
    head = (
        "| receiver | put off | half wait, s | nine of ten wait, s | still waiting |\n| --- | --: | --: | --: | --: |\n"
    )
    return head + lines if lines else ""


QUEUES: Final = Part(
    "queues",
    "How long receivers make mails wait before they take them, which of them throttle, and what waits.",
    COLUMNS,
    _make,
    checks={
        "nothing_waits_long": "Whether no mail has waited for more than four hours.",
        "not_throttled": "Whether no receiver says that mails come too fast.",
    },
    made_of=made_of_outcomes,
)
