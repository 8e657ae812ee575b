"""Warm-up: how many mails each sending address sent on a day, and how many it may send on the next."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from mailevents_dagster.deliverability.outcomes_of_day import (
    OutcomesOfDay,
    last_words,
    made_of_outcomes,
    outcomes_of_day,
    was_tried,
    with_keys,
)
from mailevents_dagster.deliverability.part import Made, Part, Work
from mailevents_dagster.deliverability.warmup.plan import Sent, cap, next_cap
from mailevents_dagster.deliverability.warmup.streams import shared, streams_of
from mailevents_dagster.health.verdicts import Verdict
from mailevents_dagster.model.columns import Column
from mailevents_dagster.model.day import Day
from mailevents_dagster.model.outcome import Became
from mailevents_dagster.summaries.anonymous import domains_of

NAME: Final = "warmup"
OWN_ADDRESS_FROM: Final = 100_000
"""Mails a month: below, an address of one's own is too quiet for receivers to form an opinion of it."""
MONTH: Final = 30
WEEKS: Final = 14
"""Days that the picture shows."""
SOON: Final = 0.8
"""A share of the day's mails that is a warning while the day goes on."""
_INT: Final = pa.int64()
COLUMNS: Final = (
    Column("sent_by", pa.string(), "The sending address, or else the mail server or provider."),
    Column("sender_domain", pa.string(), "The domain of the envelope senders."),
    Column("stream", pa.string(), "The stream of the settings; empty where no pattern means the mails."),
    Column("mails", _INT, "Mails, counted once for each recipient."),
    Column("delivered", _INT, "Of these, taken by the receiving server."),
    Column("deferred", _INT, "Of these, still to be tried again at the end of the day."),
    Column("hard", _INT, "Of these, to addresses that do not exist."),
    Column("refused", _INT, "Of these, refused for reputation or content."),
    Column("complained", _INT, "Complaints that came on the day."),
    Column("first_day", pa.date32(), "The first day of the sending address, from which its plan counts."),
)
_READ: Final = with_keys("class", "reason", "sending_ip", "sender", "subject")


def _make(work: Work) -> Made:
    plan = work.domain.warmup
    day = outcomes_of_day(work.store, work.domain.domain, work.day, _READ, work.note)
    before = _days_before(work)
    rows = _rows(work, day, before)
    by_sender = _by_sender(rows)
    numbers = _numbers(work, rows)
    caps = {sender: cap(plan, number) for sender, number in numbers.items()}
    following = {sender: next_cap(plan, number, by_sender[sender]) for sender, number in numbers.items()}
    month = sum(sent.mails for sent in by_sender.values()) + sum(_mails(before.get(one)) for one in _last(work, MONTH))
    return Made(
        rows,
        {
            "mails": sum(sent.mails for sent in by_sender.values()),
            "complained": sum(sent.complained for sent in by_sender.values()),
            "senders": len(by_sender),
            "mails_in_30_days": month,
            **day.numbers,
        },
        {
            "within_plan": _within_plan(day, by_sender, caps),
            "no_harm": _no_harm(by_sender),
            "streams_apart": _apart(work, rows),
        },
        _said(by_sender, caps, following, month),
        _picture(work, rows, before),
    )


def _rows(work: Work, day: OutcomesOfDay, before: Mapping[Day, pa.Table]) -> pa.Table:
    """Return the counts of each sender, sender domain and stream."""
    complaints = day.rows.filter(pc.equal(day.rows["outcome"], str(Became.COMPLAINED)))
    words = last_words(day.rows.filter(was_tried(day.rows)))
    flags = pa.concat_tables([_flags(work, words), _flags(work, complaints)])
    counted = flags.group_by(list(_PLACE)).aggregate([(name, "sum") for name in _COUNTS])
    counted = counted.rename_columns([*_PLACE, *_COUNTS]).sort_by([(name, "ascending") for name in _PLACE])
    first_days = _first_days(before)
    began = [min(first_days.get(who, work.day.date), work.day.date) for who in counted["sent_by"].to_pylist()]
    schema = pa.schema([column.field for column in COLUMNS])
    return counted.append_column("first_day", pa.array(began, pa.date32())).select(schema.names).cast(schema)


_PLACE: Final = ("sent_by", "sender_domain", "stream")
_COUNTS: Final = ("mails", "delivered", "deferred", "hard", "refused", "complained")


def _flags(work: Work, rows: pa.Table) -> pa.Table:
    """Return for each row where it was sent from, and a one for each number that it counts for."""
    outcome, reason = rows["outcome"], pc.fill_null(rows["reason"], "")
    complained = pc.equal(outcome, str(Became.COMPLAINED))
    failed = pc.equal(outcome, str(Became.BOUNCED))
    by_reputation = pc.equal(reason, "reputation")
    is_hard = pc.and_(failed, pc.equal(pc.fill_null(rows["class"], ""), "hard"))
    for_content = pc.and_(failed, pc.equal(reason, "content"))
    flags = {
        "mails": pc.invert(complained),
        "delivered": pc.equal(outcome, str(Became.DELIVERED)),
        "deferred": pc.equal(outcome, str(Became.DEFERRED)),
        "hard": is_hard,
        "refused": pc.and_not(pc.or_(by_reputation, for_content), is_hard),
        "complained": complained,
    }
    return pa.table(
        {
            "sent_by": pc.fill_null(pc.coalesce(rows["sending_ip"], rows["server"]), "unknown"),
            "sender_domain": domains_of(rows["sender"]),
            "stream": streams_of(rows["sender"], rows["subject"], work.domain.warmup.streams),
            **{name: flag.cast(pa.int64()) for name, flag in flags.items()},
        }
    )


def _last(work: Work, days: int) -> list[Day]:
    return [work.day.ago(days_before) for days_before in range(1, days)]


def _days_before(work: Work) -> dict[Day, pa.Table]:
    return {day: rows for day in _last(work, MONTH) if (rows := work.stored(NAME, day)) is not None}


def _mails(rows: pa.Table | None) -> int:
    return 0 if rows is None else int(pc.sum(rows["mails"]).as_py() or 0)


def _first_days(before: Mapping[Day, pa.Table]) -> dict[str, Any]:
    """Return the first day of each sender that any day before knows."""
    known: dict[str, Any] = {}
    for rows in before.values():
        for who, first in zip(rows["sent_by"].to_pylist(), rows["first_day"].to_pylist(), strict=True):
            known[who] = min(known.get(who, first), first)
    return known


def _numbers(work: Work, rows: pa.Table) -> dict[str, int | None]:
    """Return the number of the day in the plan of each sender; None for one that was there before there was a plan."""
    firsts = dict(zip(rows["sent_by"].to_pylist(), rows["first_day"].to_pylist(), strict=True))
    if work.domain.warmup.begun is not None:
        number = max(0, (work.day.start - work.domain.warmup.begun) // 86_400)
        return dict.fromkeys(firsts, number)
    oldest = min(firsts.values(), default=work.day.date)
    is_new = {who: (first - oldest).days >= MONTH for who, first in firsts.items()}
    return {who: (work.day.date - first).days if is_new[who] else None for who, first in firsts.items()}


def _by_sender(rows: pa.Table) -> dict[str, Sent]:
    summed = rows.group_by("sent_by").aggregate([(name, "sum") for name in ("mails", "hard", "refused", "complained")])
    return {
        row["sent_by"]: Sent(row["mails_sum"], row["hard_sum"], row["refused_sum"], row["complained_sum"])
        for row in summed.to_pylist()
    }


def _within_plan(day: OutcomesOfDay, sent: Mapping[str, Sent], caps: Mapping[str, int | None]) -> Verdict:
    over = [who for who, most in caps.items() if most is not None and sent[who].mails > most]
    soon = [who for who, most in caps.items() if most is not None and SOON * most < sent[who].mails <= most]
    going_on = day.hours_kept < day.hours
    numbers = {"senders": len(sent), "senders_over": len(over), "senders_close": len(soon)}
    if over:
        said = f"{', '.join(over)}: more mails than the plan allows. Send no more from there today."
        return Verdict(passed=False, said=said, numbers=numbers, is_error=True)
    if soon and going_on:
        said = f"{', '.join(soon)}: four fifths of the day's plan are sent, and the day goes on. Slow down."
        return Verdict(passed=False, said=said, numbers=numbers)
    return Verdict(passed=True, said="within the plan", numbers=numbers)


def _no_harm(sent: Mapping[str, Sent]) -> Verdict:
    harmful = {who: one.harm for who, one in sent.items() if one.harm}
    if not harmful:
        return Verdict(passed=True, said="no harm", numbers={})
    said = " ".join(f"{who}: {why}." for who, why in harmful.items())
    return Verdict(
        passed=False, said=f"{said} Mend that before more is sent.", numbers={"senders_harmed": len(harmful)}
    )


def _apart(work: Work, rows: pa.Table) -> Verdict:
    found = list(shared(rows.to_pylist(), work.domain.warmup.streams))
    if not found:
        return Verdict(passed=True, said="apart", numbers={})
    places = ", ".join(f"{who} ({domain})" for who, domain in found)
    said = f"Transactional and marketing mails leave by the same address and domain: {places}. Give each its own."
    return Verdict(passed=False, said=said, numbers={"shared": len(found)})


def _said(
    sent: Mapping[str, Sent], caps: Mapping[str, int | None], following: Mapping[str, int | None], month: int
) -> str:
    rows = "".join(
        f"| {who} | {one.mails:,} | {_most(caps[who])} | {_most(following[who])} |\n" for who, one in sent.items()
    )
    table = f"| sent by | mails | at most | at most the next day |\n| --- | --: | --: | --: |\n{rows}" if rows else ""
    advice = (
        "enough for an address of its own"
        if month >= OWN_ADDRESS_FROM
        else "an address shared with others, as a provider has, is better known to receivers than one of its own"
    )
    return f"{table}\n{month:,} mails in 30 days ({OWN_ADDRESS_FROM:,} are the usual border): {advice}."


def _most(count: int | None) -> str:
    return "warm" if count is None else f"{count:,}"


def _picture(work: Work, rows: pa.Table, before: Mapping[Day, pa.Table]) -> bytes:
    from mailevents_dagster.deliverability.pictures import picture_of_days  # takes half a second to load

    days = {work.day: rows, **{day: before[day] for day in _last(work, WEEKS) if day in before}}
    lines: dict[str, dict[Day, float]] = {}
    for day, table in days.items():
        for who, sent in _by_sender(table).items():
            lines.setdefault(who, {})[day] = sent.mails
    return picture_of_days("mails a day by sending address", lines)


WARMUP: Final = Part(
    NAME,
    "How many mails each sending address sent, against the plan of its warm-up, and how many it may send next.",
    COLUMNS,
    _make,
    checks={
        "within_plan": "Whether each sending address sends no more than its plan allows, warned of before it does.",
        "no_harm": "Whether complaints, unknown addresses and refusals allow it to grow on.",
        "streams_apart": "Whether mails that people wait for share no sending address and domain with marketing.",
    },
    made_of=made_of_outcomes,
    is_made_hourly=True,
)
