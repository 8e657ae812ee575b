"""Proof: the last word on each mail and recipient of a day, and whether a receiving server said it."""

from __future__ import annotations

from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.outcomes_of_day import last_words, made_of_outcomes, outcomes_of_day, with_keys
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.columns import Column
from mailevents_dagster.model.outcome import Became

NAME: Final = "proof"
STATES: Final = ("proven", "unproven", "failed", "waiting", "unknown", "afterwards")
ENOUGH: Final = 0.95
"""A smaller share of deliveries with a receiver's word means that a source tells too little."""
FEW: Final = 50
_TEXT: Final = pa.string()
_TIME: Final = pa.timestamp("ms", tz="UTC")
COLUMNS: Final = (
    Column("message_id", _TEXT, "The Message-ID of the mail."),
    Column("queue_id", _TEXT, "Its id in the queue of the server that sent it."),
    Column("server", _TEXT, "The mail server or provider that sent it."),
    Column("sender", _TEXT, "The sender of the envelope."),
    Column("recipient", _TEXT, "Whom it was for."),
    Column(
        "state",
        _TEXT,
        "proven: a receiving server took it, with its answer. unproven: said to be delivered, without an answer. "
        "failed: given up. waiting: to be tried again. unknown: taken by the sending server, and nothing more is told. "
        "afterwards: only complaints, openings and the like are told on this day.",
    ),
    Column("outcome", _TEXT, "The last outcome of the day."),
    Column("class", _TEXT, "Of a failure: hard, soft, policy or other."),
    Column("code", pa.int16(), "The reply code of the last answer."),
    Column("text", _TEXT, "The last answer."),
    Column("relay_host", _TEXT, "Who gave it."),
    Column("attempts", pa.int32(), "Attempts of the day; those that the sending server put off by itself are none."),
    Column("first_at", _TIME, "When it was first told of on the day."),
    Column("last_at", _TIME, "When it was last told of on the day."),
)
_READ: Final = with_keys("sender", "class", "code", "text", "relay_host", "relay_ip")


def _make(work: Work) -> Made:
    day = outcomes_of_day(work.store, work.domain.domain, work.day, _READ, work.note)
    words = last_words(day.rows, Became)
    states = _states(words)
    table = words.append_column("state", states)
    counted = {one["values"]: one["counts"] for one in states.value_counts().to_pylist()}
    counts = {name: counted.get(name, 0) for name in STATES}
    delivered = counts["proven"] + counts["unproven"]
    return Made(
        table.select([column.name for column in COLUMNS]),
        {
            **counts,
            **({"proven_share": round(counts["proven"] / delivered, 4)} if delivered else {}),
            **day.numbers,
        },
        {"proven": _verdict(counts["proven"], delivered)},
        chart=_picture(counts),
    )


def _states(words: pa.Table) -> pa.ChunkedArray:
    """Return what is proven of each last word: an answer of the 200s, from a host that is named."""
    outcome = words["outcome"]
    answered = pc.and_(
        pc.fill_null(pc.and_(pc.greater_equal(words["code"], 200), pc.less(words["code"], 300)), fill_value=False),
        pc.and_(
            pc.not_equal(pc.fill_null(words["text"], ""), ""),
            pc.or_(pc.is_valid(words["relay_host"]), pc.is_valid(words["relay_ip"])),
        ),
    )
    delivered = pc.if_else(answered, "proven", "unproven")
    states = pa.chunked_array([pa.array(["afterwards"] * len(words), pa.string())])
    for became, state in (("accepted", "unknown"), ("deferred", "waiting"), ("bounced", "failed")):
        states = pc.if_else(pc.equal(outcome, became), state, states)
    return pc.if_else(pc.equal(outcome, "delivered"), delivered, states)


def _verdict(proven: int, delivered: int) -> Verdict:
    numbers = {"proven": proven, "delivered": delivered}
    if delivered < FEW or proven >= ENOUGH * delivered:
        return Verdict(passed=True, said="proven", numbers=numbers)
    said = (
        f"Of {delivered:,} mails that are said to be delivered, {delivered - proven:,} come without the answer of a "
        f"receiving server. Look at which feeds they are from: their logs or records may leave answers out."
    )
    return Verdict(passed=False, said=said, numbers=numbers)


def _picture(counts: dict[str, int]) -> bytes:
    from mailevents_dagster.deliverability.pictures import picture_of_bars  # takes half a second to load

    return picture_of_bars("mails by what is proven of them", counts)


PROOF: Final = Part(
    NAME,
    "The last word on each mail and recipient, and whether a receiving server said it.",
    COLUMNS,
    _make,
    checks={"proven": "Whether nearly all deliveries come with the answer of the receiving server."},
    made_of=made_of_outcomes,
)
